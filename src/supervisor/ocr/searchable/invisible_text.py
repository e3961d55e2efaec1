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
# Readers see the end of a word in a gap of 0.1 to 0.15 of the font's size (poppler: minWordBreakSpace), so where boxes
# nearly touch or overlap the first word is shown shorter, by half at most.
_GAP_PER_FONT_SIZE = 0.2
_SHORTEST = 0.5
# A line of upright text is never that many times as tall as its letters, and as it is wide.
_UPENDED = 2
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
        height: Of the line, in pixels.
    """

    origin: tuple[float, float]
    along: tuple[int, int]
    up: tuple[int, int]
    height: int

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


def _angle(line: Line) -> int:
    """Return how a line is turned, also where it stands upright on its end and tesseract did not say so.

    Tesseract reads such lines from top to bottom as it does Chinese ones, and gives neither angle nor baseline.
    """
    height = line.box.bottom - line.box.top
    if line.angle or not line.words or line.baseline != (0.0, 0.0):
        return line.angle
    if height < _UPENDED * max(line.x_size, line.box.right - line.box.left):
        return 0
    return 270 if line.words[0].box.top <= line.words[-1].box.top else 90


def _frame(box: Box, angle: int) -> _Frame:
    match angle:
        case 90:
            return _Frame((box.right, box.bottom), (0, -1), (-1, 0), box.right - box.left)
        case 180:
            return _Frame((box.right, box.top), (-1, 0), (0, 1), box.bottom - box.top)
        case 270:
            return _Frame((box.left, box.top), (0, 1), (1, 0), box.right - box.left)
        case _:
            return _Frame((box.left, box.bottom), (1, 0), (0, -1), box.bottom - box.top)


def _line(line: Line, placement: Placement, codes: Mapping[str, int], font: str) -> Iterator[str]:
    angle = _angle(line)
    frame = _frame(line.box, angle)
    line_size = line.x_size or frame.height
    font_size = max(1.0, line_size / _LINE_PER_FONT_SIZE)
    slope, offset = line.baseline
    if angle and not offset:
        # Tesseract tells the baseline of upright lines only.
        offset = -(line.descenders or _USUAL_DESCENDERS * line_size)
    along, up = placement.direction(*frame.along), placement.direction(*frame.up)
    unit = math.hypot(*up)
    matrix = " ".join(_number(value / unit, 5) for value in (*along, *up))
    yield f"/{font} {_number(font_size * unit, 3)} Tf"
    words = _as_displayed(line.words, frame)
    for index, (text, start, end) in enumerate(words):
        # Words stand straight even on a slanting baseline, by the height of their middle: poppler splits slanting ones.
        x, y = placement.point(*frame.point(start, -offset - slope * (start + end) / 2))
        yield f"{matrix} {_number(x, 3)} {_number(y, 3)} Tm"
        if index + 1 == len(words):
            yield _show(text, end - start, font_size, codes)
        else:
            following = words[index + 1][1]
            shown_end = max(min(end, following - _GAP_PER_FONT_SIZE * font_size), start + _SHORTEST * (end - start))
            yield _show(text, shown_end - start, font_size, codes)
            yield _show(" ", max(following - shown_end, _GAP_PER_FONT_SIZE * font_size), font_size, codes)


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
