"""The text that a PDF page already has, as a layout, if it is worth keeping."""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

import itertools
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pymupdf

from supervisor.ocr.characters import plain
from supervisor.ocr.documents.pdf import POINTS_PER_INCH
from supervisor.ocr.documents.plausibility import is_plausible
from supervisor.ocr.documents.scan_coverage import covers_scan
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph, Word

# Glyphs that no table maps to Unicode come as U+FFFD. pymupdf's default gives their number in the font as a character
# instead, which looks like text and is none.
_FLAGS = pymupdf.TEXT_PRESERVE_LIGATURES | pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP
_CONFIDENCE = 100


@dataclass(frozen=True)
class PlacedWord:
    """A word of a PDF page.

    Attributes:
        text: Without blanks.
        box: In points on the displayed page.
        is_visible: Whether it is painted; a word of which a part is, counts as visible.
    """

    text: str
    box: pymupdf.Rect
    is_visible: bool


@dataclass(frozen=True)
class PlacedLine:
    """A line of a PDF page.

    Attributes:
        words: In reading order, at least one.
        block: Number of the block that it belongs to.
        angle: Degrees counter-clockwise by which it is turned on the displayed page: 0, 90, 180 or 270.
    """

    words: tuple[PlacedWord, ...]
    block: int
    angle: int


def kept_layer(page: Any, job: Job, dpi: int) -> PageLayout | None:
    """Return the text of a PDF page that a job keeps instead of recognising the page; None if it recognises.

    Args:
        page: Of pymupdf.
        job: `text_layer` decides: skip keeps any layer that can be believed, redo only one that is visible on the page,
            force none.
        dpi: What the page would be rendered at.
    """
    match job.text_layer:
        case "skip":
            return read_text_layer(page, dpi)
        case "redo":
            return read_text_layer(page, dpi, only_visible=True)
        case "force":
            return None


def read_text_layer(page: Any, dpi: int, *, only_visible: bool = False) -> PageLayout | None:
    """Return the page's own text, boxes in pixels at `dpi`; None if it has none that can be believed."""
    lines = list(placed_lines(page, only_visible=only_visible))
    words = [word for line in lines for word in line.words]
    if not words or not is_plausible([word.text for word in words]):
        return None
    if not covers_scan(page, [word.box for word in words]):
        return None
    return _layout(lines, page, dpi)


def placed_lines(page: Any, *, only_visible: bool = False) -> Iterator[PlacedLine]:
    """Yield the lines of text of a page in its own order, without words that lie outside of it."""
    content = page.get_text("rawdict", flags=_FLAGS)
    for number, block in enumerate(content["blocks"]):
        for line in block["lines"]:
            words = [word for word in _words(line, page) if word.is_visible or not only_visible]
            if words:
                yield PlacedLine(tuple(words), number, _angle(line["dir"], page.rotation))


def _words(line: dict[str, Any], page: Any) -> Iterator[PlacedWord]:
    to_display, bounds = page.rotation_matrix, page.rect
    characters = [(character, span["alpha"] > 0) for span in line["spans"] for character in span["chars"]]
    for is_blank, group in itertools.groupby(characters, key=lambda one: one[0]["c"].isspace()):
        if is_blank:
            continue
        members = list(group)
        text = "".join(plain("".join(character["c"] for character, _ in members)).split())
        lefts, tops, rights, bottoms = zip(*(character["bbox"] for character, _ in members), strict=True)
        # Boxes come in the unrotated page's coordinates.
        box = (pymupdf.Rect(min(lefts), min(tops), max(rights), max(bottoms)) * to_display) & bounds
        if text and not box.is_empty:
            yield PlacedWord(text, box, any(is_visible for _, is_visible in members))


def _angle(direction: tuple[float, float], page_rotation: int) -> int:
    """Return how a line with this direction, y growing downwards, is turned on the displayed page."""
    x, y = direction
    return (round(math.degrees(math.atan2(-y, x)) / 90) * 90 - page_rotation) % 360


def _layout(lines: Sequence[PlacedLine], page: Any, dpi: int) -> PageLayout:
    scale = dpi / POINTS_PER_INCH
    blocks = []
    for _, group in itertools.groupby(lines, key=lambda line: line.block):
        block_lines = tuple(_line(line, scale) for line in group)
        box = _around([line.box for line in block_lines])
        paragraph = Paragraph(box, block_lines, is_right_to_left=_is_right_to_left(block_lines))
        blocks.append(Block(box, (paragraph,)))
    width, height = round(page.rect.width * scale), round(page.rect.height * scale)
    return PageLayout(width, height, dpi, tuple(blocks))


def _line(line: PlacedLine, scale: float) -> Line:
    words = tuple(Word(word.text, _box(word.box, scale), _CONFIDENCE) for word in line.words)
    return Line(_around([word.box for word in words]), words, angle=line.angle)


def _box(rectangle: pymupdf.Rect, scale: float) -> Box:
    return Box(*(round(value * scale) for value in (rectangle.x0, rectangle.y0, rectangle.x1, rectangle.y1)))


def _around(boxes: Sequence[Box]) -> Box:
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


def _is_right_to_left(lines: Sequence[Line]) -> bool:
    classes = [unicodedata.bidirectional(letter) for line in lines for word in line.words for letter in word.text]
    return sum(one in {"R", "AL"} for one in classes) > classes.count("L")
