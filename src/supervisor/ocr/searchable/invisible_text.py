"""The content stream that puts the words of a layout on a PDF page, invisibly, each where it stands.

Every word is stretched to its box and sits on the baseline of its line; a space fills the gap to the next one, so that
readers which go by characters and those which go by distances both find the words.
"""

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from supervisor.ocr.layout import Box, Line, PageLayout, Word
from supervisor.ocr.searchable.glyphless_font import ADVANCE, encode

# The size of a line, from the lowest descender to the highest ascender, in parts of its font's size.
_LINE_PER_FONT_SIZE = 0.9
# Where a line does not say how much of its size its descenders take.
_USUAL_DESCENDERS = 0.22
# So that a gap can be seen in the file even where boxes touch or overlap.
_SMALLEST_GAP_PIXELS = 0.1
_RIGHT_TO_LEFT = {"R", "AL"}
# Runs that keep their direction within text that goes right to left: numbers, and other scripts.
_FORWARD_CLASSES = {"L", "EN", "AN"}


@dataclass(frozen=True)
class Placement:
    """From pixels of a layout to the coordinates of a PDF page: x' = a x + c y + e, y' = b x + d y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where a pixel lies."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def direction(self, x: float, y: float) -> tuple[float, float]:
        """Return where a direction points, and how long it becomes."""
        return self.a * x + self.c * y, self.b * x + self.d * y


def invisible_text(layout: PageLayout, placement: Placement, codes: Mapping[str, int], font: str) -> bytes:
    """Return operators that write a page's words invisibly, and leave the graphics state as it was.

    Args:
        layout: The page.
        placement: Where its pixels lie.
        codes: Of the characters in the font.
        font: Its name among the page's resources.
    """
    operators = ["q", "BT", "3 Tr"]
    for line in layout.lines():
        operators.extend(_line(line, placement, codes, font))
    return "\n".join([*operators, "ET", "Q"]).encode("ascii")


@dataclass(frozen=True)
class _Frame:
    """A line as its reader sees it, who turns the page until it is upright.

    Attributes:
        origin: Its bottom left corner, in pixels of the page.
        along: The direction of reading.
        up: The direction of the ascenders.
    """

    origin: tuple[float, float]
    along: tuple[int, int]
    up: tuple[int, int]

    def extent(self, box: Box) -> tuple[float, float]:
        """Return where a box begins and ends along the line."""
        corners = [
            (x - self.origin[0], y - self.origin[1]) for x in (box.left, box.right) for y in (box.top, box.bottom)
        ]
        distances = [x * self.along[0] + y * self.along[1] for x, y in corners]
        return min(distances), max(distances)

    def point(self, distance: float, height: float) -> tuple[float, float]:
        """Return the pixel at a distance along the line and a height above its bottom."""
        return (
            self.origin[0] + distance * self.along[0] + height * self.up[0],
            self.origin[1] + distance * self.along[1] + height * self.up[1],
        )


def _frame(line: Line) -> _Frame:
    box = line.box
    match line.angle:
        case 90:
            return _Frame((box.right, box.bottom), (0, -1), (-1, 0))
        case 180:
            return _Frame((box.right, box.top), (-1, 0), (0, 1))
        case 270:
            return _Frame((box.left, box.top), (0, 1), (1, 0))
        case _:
            return _Frame((box.left, box.bottom), (1, 0), (0, -1))


def _line(line: Line, placement: Placement, codes: Mapping[str, int], font: str) -> Iterator[str]:
    frame = _frame(line)
    words = _as_displayed(line.words, frame)
    if not words:
        return
    height = line.box.right - line.box.left if line.angle in {90, 270} else line.box.bottom - line.box.top
    line_size = line.x_size or height
    font_size = max(1.0, line_size / _LINE_PER_FONT_SIZE)
    slope, offset = line.baseline
    if line.angle and not offset:
        # Tesseract tells the baseline of upright lines only.
        slope, offset = 0.0, -(line.descenders or _USUAL_DESCENDERS * line_size)
    along_x, along_y = placement.direction(frame.along[0] - slope * frame.up[0], frame.along[1] - slope * frame.up[1])
    up_x, up_y = placement.direction(frame.up[0] + slope * frame.along[0], frame.up[1] + slope * frame.along[1])
    unit = math.hypot(up_x, up_y)
    matrix = " ".join(_number(value / unit, 5) for value in (along_x, along_y, up_x, up_y))
    yield f"/{font} {_number(font_size * unit, 3)} Tf"
    for index, (text, start, end) in enumerate(words):
        x, y = placement.point(*frame.point(start, -offset - slope * start))
        yield f"{matrix} {_number(x, 3)} {_number(y, 3)} Tm"
        yield _show(text, end - start, font_size, codes)
        if index + 1 < len(words):
            gap = max(_SMALLEST_GAP_PIXELS, words[index + 1][1] - end)
            yield _show(" ", gap, font_size, codes)


def _show(text: str, length: float, font_size: float, codes: Mapping[str, int]) -> str:
    percent = 100 * length / (ADVANCE * font_size * len(text))
    return f"{_number(percent, 2)} Tz <{encode(text, codes)}> Tj"


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def _as_displayed(words: Sequence[Word], frame: _Frame) -> list[tuple[str, float, float]]:
    """Return text, beginning and end of the words in the order in which they stand on the page.

    PDF shows the characters of all scripts from left to right, and readers turn Hebrew and Arabic round again.
    """
    placed = []
    for word in words:
        start, end = frame.extent(word.box)
        text = "".join(word.text.split())
        if text:
            placed.append((text, start, max(end, start + 1)))
    if any(_goes_left(text) for text, _, _ in placed):
        placed.sort(key=lambda one: one[1])
    return [(_from_left(text) if _goes_left(text) else text, start, end) for text, start, end in placed]


def _goes_left(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text)


def _from_left(text: str) -> str:
    """Turn round a word that is read from right to left, but for the numbers and foreign letters in it."""
    runs: list[str] = []
    is_forward_run = False
    for character in text:
        is_forward = unicodedata.bidirectional(character) in _FORWARD_CLASSES
        if runs and is_forward and is_forward_run:
            runs[-1] += character
        else:
            runs.append(character)
        is_forward_run = is_forward
    return "".join(reversed(runs))
