"""Which pages are blank, told from their pixels in a few milliseconds.

Paper is never uniform: it has grain, the scanner adds noise, its lamp fades towards the edges. What is written on it
differs from all that by standing out from its surroundings over the width of a word.
"""

from array import array
from statistics import median

from PIL import Image, ImageFilter

from supervisor.ocr.picture import Picture

# Cells as wide as a short word and as high as the body of small letters: their mean keeps what is written and
# averages noise away.
_CELLS_PER_INCH = (6, 25)
# Cells are compared with the median of so many around them, which shading of the paper moves along with them.
_NEIGHBOURHOOD_CELLS = 5
# Grey levels by which a cell has to stand out, at least, and in units of how much the cells of this page do anyway.
# Among a hundred thousand cells of pure noise about one reaches 4.4 of these.
_LEAST_LEVELS = 0.8
_DEVIATIONS = 6.0
# The deviation of normal noise from the median of its distances.
_PER_MEDIAN = 1.4826
# The edge of the sheet and its shadow: a tenth of an inch, but not where somebody cut out a single word.
_EDGE_INCHES = 0.1
_EDGE_SHARE = 0.02

# A picture without words is no blank page if this share of it is darker than paper by as much.
_PICTURE_SHARE = 0.005
_PICTURE_LEVELS = 32


def is_plainly_blank(picture: Picture) -> bool:
    """Tell whether the pixels prove that nothing is on a page; faint or small words are something, so is a speck."""
    sheet = _without_edges(picture)
    columns, rows = (
        max(1, round(side * cells / picture.dpi)) for side, cells in zip(sheet.size, _CELLS_PER_INCH, strict=True)
    )
    # In two steps, since Pillow rounds means of eight-bit pixels to whole levels; and by resizing, since reducing would
    # leave smaller cells at the edges, in which noise does not average out.
    fine = sheet.reduce((max(1, sheet.width // (8 * columns)), max(1, sheet.height // (4 * rows)))).convert("F")
    cells = fine.resize((columns, rows), Image.Resampling.BOX)
    around = cells.filter(ImageFilter.MedianFilter(_NEIGHBOURHOOD_CELLS))
    distances = [
        abs(one - other) for one, other in zip(array("f", cells.tobytes()), array("f", around.tobytes()), strict=True)
    ]
    usual = _PER_MEDIAN * median(distances)
    return max(distances) < max(_LEAST_LEVELS, _DEVIATIONS * usual)


def shows_something(picture: Picture) -> bool:
    """Tell whether there is more ink than dirt makes on a page that holds no words: a photograph, a drawing, a map."""
    sheet = _without_edges(picture)
    cell = max(1, picture.dpi // _CELLS_PER_INCH[1])
    levels = sheet.reduce(cell).histogram()
    total = sum(levels)
    paper, brighter = 255, levels[255]
    while brighter < total // 2:
        paper -= 1
        brighter += levels[paper]
    return sum(levels[: max(0, paper - _PICTURE_LEVELS)]) > _PICTURE_SHARE * total


def _without_edges(picture: Picture) -> Image.Image:
    image = picture.image
    edge = picture.dpi * _EDGE_INCHES
    across, down = (int(min(edge, side * _EDGE_SHARE)) for side in image.size)
    return image.crop((across, down, image.width - across, image.height - down))
