"""How high the type on a picture is, told from its pixels in a few milliseconds, before anything is recognised."""

import re
from collections.abc import Iterator

from PIL import Image

from supervisor.ocr.reading.picture import Picture

# Strips of a quarter of an inch, across the lines: some letters wide, so that their mean tells lines from gaps even on
# noisy paper, and narrow enough for lines that are askew by a few degrees.
_STRIPS_PER_INCH = 4
# A line of type is one that goes on for an inch: dots, accents and dirt do not.
_STRIPS_OF_A_LINE = 4
# From strip to strip a line may rise or fall by that many pixels, and its letters grow or shrink by that many.
_DRIFT_PIXELS = (0, -1, 1, -2, 2)
_GROWTH_PIXELS = (0, -1, 1)
# Inside the body of a line strips are darker than paper by at least this share of the distance from paper to ink.
# The thinnest that was met (10 pt Courier, grey) reaches 0.2.
_DARKNESS = 0.12
_LEAST_LEVELS = 3.0
# Below, nothing can be read.
_LEAST_PIXELS = 5
# An ascender or descender sticks out of a body that is higher by this, at no greater distance than its own height.
_PROTRUSION = 1.3
_THINNING = 4
_RUN = re.compile(rb"\x01+")


def x_height(picture: Picture) -> int | None:
    """Return how many pixels an x is high in the smallest type that fills an inch of a line; None without such type.

    Within a strip of some letters' width, rows are dark from the baseline to the top of an x; ascenders and descenders,
    which few letters have, hardly darken them. So dark runs are as long as an x is high, and where runs of one length
    lie side by side there is a line.
    """
    lines: dict[tuple[int, int], int] = {}
    smallest: int | None = None
    for bodies in _bodies_by_strip(picture):
        lines = {
            (top, height): 1
            + max(lines.get((top + drift, height + growth), 0) for drift in _DRIFT_PIXELS for growth in _GROWTH_PIXELS)
            for top, height in bodies
        }
        heights = [height for (_, height), strips in lines.items() if strips >= _STRIPS_OF_A_LINE]
        smallest = min(heights + ([smallest] if smallest else []), default=None)
    return smallest


def _bodies_by_strip(picture: Picture) -> Iterator[list[tuple[int, int]]]:
    """Yield for each strip, from left to right, top and height of what may be bodies of lines."""
    image = picture.image
    profiles = image.reduce((max(1, picture.dpi // _STRIPS_PER_INCH), 1)).transpose(Image.Transpose.TRANSPOSE)
    paper = _level(profiles, 0.9)
    thinned = image.resize((-(-image.width // _THINNING), -(-image.height // _THINNING)), Image.Resampling.NEAREST)
    ink = _level(thinned, 0.005)
    limit = paper - max(_DARKNESS * (paper - ink), _LEAST_LEVELS)
    is_dark = profiles.point([int(level < limit) for level in range(256)]).tobytes()
    for start in range(0, len(is_dark), profiles.width):
        runs = [run.span() for run in _RUN.finditer(is_dark, start, start + profiles.width)]
        yield [
            (top - start, bottom - top)
            for index, (top, bottom) in enumerate(runs)
            if _LEAST_PIXELS <= bottom - top <= picture.dpi and not _sticks_out(runs, index)
        ]


def _sticks_out(runs: list[tuple[int, int]], index: int) -> bool:
    """Tell whether a dark run is a part of letters whose body is a neighbouring one."""
    top, bottom = runs[index]
    height = bottom - top
    above, below = runs[max(index - 1, 0)], runs[min(index + 1, len(runs) - 1)]
    return (top - above[1] < height and above[1] - above[0] > _PROTRUSION * height) or (
        below[0] - bottom < height and below[1] - below[0] > _PROTRUSION * height
    )


def _level(image: Image.Image, share: float) -> int:
    """Return the grey below or at which that share of the pixels is."""
    wanted = share * image.width * image.height
    for level, count in enumerate(image.histogram()):
        wanted -= count
        if wanted <= 0:
            return level
    return 255
