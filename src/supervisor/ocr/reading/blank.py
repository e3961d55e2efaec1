"""Which pages are blank, told from their pixels in a few milliseconds.

Paper is never uniform: it has grain, the scanner adds noise, its lamp fades towards the edges. What is written on it
differs from all that by standing out from its surroundings over the width of a word.
"""

import math
from array import array

from PIL import Image, ImageChops, ImageFilter

from supervisor.ocr.reading.picture import Picture

# Cells as wide as a short word and as high as the body of small letters: their mean keeps what is written and
# averages noise away.
_CELLS_PER_INCH = (6, 25)
# Cells are compared with the median of so many around them, which shading of the paper moves along with them.
_NEIGHBOURHOOD_CELLS = 5
# Grey levels by which a cell has to stand out, at least, and in units of what noise does to the mean of a cell: among a
# hundred thousand cells of noise alone about one reaches 4.4 of these. The median adds a tenth.
_LEAST_LEVELS = 0.8
_DEVIATIONS = 7.0
# Half of the distances between two pixels of normal noise are below this many of its deviations.
_MEDIAN_DISTANCE = 0.954
_THINNING = 4

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
    if min(columns, rows) < _NEIGHBOURHOOD_CELLS:
        return False
    # In two steps, since Pillow rounds means of eight-bit pixels to whole levels; and by resizing, since reducing would
    # leave smaller cells at the edges, in which noise does not average out.
    fine = sheet.reduce((max(1, sheet.width // (8 * columns)), max(1, sheet.height // (4 * rows)))).convert("F")
    cells = fine.resize((columns, rows), Image.Resampling.BOX)
    around = cells.filter(ImageFilter.MedianFilter(_NEIGHBOURHOOD_CELLS))
    farthest = max(
        abs(one - other) for one, other in zip(array("f", cells.tobytes()), array("f", around.tobytes()), strict=True)
    )
    cell_pixels = sheet.width * sheet.height / (columns * rows)
    return farthest < max(_LEAST_LEVELS, _DEVIATIONS * _noise(sheet) / math.sqrt(cell_pixels))


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


def _noise(image: Image.Image) -> float:
    """Return the deviation of the paper's noise, which most pixels show; where paper is hardly seen it is too large.

    Pixels that are not neighbours are compared: scanners smooth. Noise that is coarser still is underestimated, and
    such a page looks as if something were on it.
    """
    size = max(2, image.width // _THINNING), max(1, image.height // _THINNING)
    thinned = image.resize(size, Image.Resampling.NEAREST)
    distances = ImageChops.difference(
        thinned.crop((1, 0, *size)), thinned.crop((0, 0, size[0] - 1, size[1]))
    ).histogram()
    half = sum(distances) / 2
    level = below = 0
    while below + distances[level] < half:
        below += distances[level]
        level += 1
    # As if the distances of one level lay evenly within it: the median of a faint noise is no whole number.
    return max(0.0, level - 0.5 + (half - below) / distances[level]) / _MEDIAN_DISTANCE if level else 0.0
