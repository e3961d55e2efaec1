"""Pages that were scanned a little askew."""

import math
from itertools import pairwise
from statistics import median

from PIL import Image

from supervisor.ocr.reading.picture import Picture
from supervisor.ocr.reading.placement import Placement

# In degrees. More is no accident of scanning; less does the recogniser no harm, and resampling would.
_LARGEST = 5.0
_SMALLEST = 0.2
_COARSE_STEP = 0.25
_FINE_STEP = 0.05
# The picture is reduced to so many columns an inch, each too narrow for the skew to matter within, and so many rows.
_COLUMNS_PER_INCH = 12
_ROWS_PER_INCH = 150
# Borders of the scan are straight whatever the page is.
_MARGIN_SHARE = 0.04
# Along its lines a page differs from row to row so many times more than in the usual direction; and by more than
# rounding does, a level from each row to the next.
_GAIN = 1.6


def straightened(picture: Picture) -> tuple[Picture, Placement]:
    """Return the picture turned upright on white, and where that lies on the one given; itself where it is straight."""
    degrees = skew(picture)
    if not degrees:
        return picture, Placement()
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    image = picture.image
    width = math.ceil(image.width * cosine + image.height * abs(sine))
    height = math.ceil(image.height * cosine + image.width * abs(sine))
    placement = Placement(
        a=cosine,
        b=-sine,
        c=(image.width - cosine * width + sine * height) / 2,
        d=sine,
        e=cosine,
        f=(image.height - sine * width - cosine * height) / 2,
    )
    straight = image.transform(
        (width, height), Image.Transform.AFFINE, placement.numbers, Image.Resampling.BICUBIC, fillcolor=255
    )
    return Picture(straight, picture.dpi), placement


def skew(picture: Picture) -> float:
    """Return by how many degrees counter-clockwise a picture has to be turned for its lines to be level; 0 in doubt.

    Lines are level where the rows of the page differ most from each other (W. Postl, "Detection of linear oblique
    structures and skew scan in digitized documents", 1986). Instead of the page, narrow columns of it are moved.
    """
    image = picture.image
    across, down = (int(side * _MARGIN_SHARE) for side in image.size)
    page = image.crop((across, down, image.width - across, image.height - down))
    column, row = max(1, picture.dpi // _COLUMNS_PER_INCH), max(1, picture.dpi // _ROWS_PER_INCH)
    columns = page.reduce((column, row))

    def contrast(degrees: float) -> float:
        return _contrast(columns, math.tan(math.radians(degrees)) * column / row)

    contrasts = {degrees: contrast(degrees) for degrees in _steps(0.0, _LARGEST, _COARSE_STEP)}
    coarse = max(contrasts, key=contrasts.__getitem__)
    found = max(_steps(coarse, _COARSE_STEP, _FINE_STEP), key=contrast)
    stands_out = contrasts[coarse] > max(_GAIN * median(contrasts.values()), columns.height)
    if not stands_out or abs(coarse) >= _LARGEST or abs(found) < _SMALLEST:
        return 0.0
    return found


def _steps(centre: float, reach: float, step: float) -> list[float]:
    count = round(reach / step)
    return [round(centre + index * step, 2) for index in range(-count, count + 1)]


def _contrast(columns: Image.Image, slope: float) -> float:
    """Return how much neighbouring rows differ when every column is moved up by `slope` more than the one before."""
    shear = (1, 0, 0, slope, 1, -slope * columns.width / 2)
    moved = columns.transform(columns.size, Image.Transform.AFFINE, shear, Image.Resampling.NEAREST, fillcolor=255)
    rows = moved.resize((1, columns.height), Image.Resampling.BOX).tobytes()
    return sum((below - above) ** 2 for above, below in pairwise(rows))
