"""The text that a PDF page already has, if it is worth keeping, in the shape of recognised text."""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pymupdf

from supervisor.ocr.characters import plain
from supervisor.ocr.pdf import SCAN_COVERAGE, image_coverage, page_area
from supervisor.ocr.tsv import HEADER

# Names of glyphs instead of characters: what extraction gives for fonts without a mapping to Unicode.
_GLYPH_NAME = re.compile(r"\(cid:[0-9]+\)")
_MAX_JUNK_SHARE = 0.1
_MIN_LETTER_SHARE = 0.5
# A stamp or a line of licence text covers about one percent of a page, a short letter four, a book page twenty.
_MIN_SCAN_TEXT_SHARE = 0.03
_POINTS_PER_INCH = 72


@dataclass(frozen=True)
class PlacedWord:
    """A word with its box in points on the displayed page, and the block and line it belongs to."""

    text: str
    box: pymupdf.Rect
    block: int
    line: int


@dataclass(frozen=True)
class TextLayer:
    """Text and tsv as the recogniser would have written them, with confidence 100."""

    text: str
    tsv: str
    word_count: int


def read_text_layer(page: Any, dpi: int) -> TextLayer | None:
    """Return the page's own text, boxes in pixels at `dpi`; None if it has none that is worth keeping."""
    words = _placed_words(page)
    if not words or not _is_plausible(words) or _is_stamp_on_scan(page, words):
        return None
    return TextLayer(_text(words), _tsv(words, page.rect, dpi), len(words))


def _placed_words(page: Any) -> list[PlacedWord]:
    placed = []
    for left, top, right, bottom, text, block, line, _ in page.get_text("words"):
        # Boxes come in the unrotated page's coordinates.
        box = (pymupdf.Rect(left, top, right, bottom) * page.rotation_matrix) & page.rect
        cleaned = "".join(plain(text).split())
        if cleaned and not box.is_empty:
            placed.append(PlacedWord(cleaned, box, block, line))
    return placed


def _is_plausible(words: list[PlacedWord]) -> bool:
    text = "".join(word.text for word in words)
    names = _GLYPH_NAME.findall(text)
    rest = _GLYPH_NAME.sub("", text)
    junk = sum(len(name) for name in names) + sum(_is_junk(character) for character in rest)
    letters = sum(character.isalnum() for character in rest)
    return junk <= _MAX_JUNK_SHARE * len(text) and letters >= _MIN_LETTER_SHARE * len(text)


def _is_junk(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in {"Co", "Cn", "Cc"}


def _is_stamp_on_scan(page: Any, words: list[PlacedWord]) -> bool:
    if image_coverage(page) < SCAN_COVERAGE:
        return False
    text_area: float = sum(abs(word.box.width * word.box.height) for word in words)
    return text_area < _MIN_SCAN_TEXT_SHARE * page_area(page)


def _text(words: list[PlacedWord]) -> str:
    paragraphs = []
    for _, block in groupby(words, key=lambda word: word.block):
        lines = [" ".join(word.text for word in line) for _, line in groupby(block, key=lambda word: word.line)]
        paragraphs.append("\n".join(lines) + "\n")
    return "\n".join(paragraphs)


def _tsv(words: list[PlacedWord], page_rect: pymupdf.Rect, dpi: int) -> str:
    def row(level: int, place: tuple[int, int, int, int], box: pymupdf.Rect, word: str | None = None) -> str:
        left, top = round(box.x0 * scale), round(box.y0 * scale)
        width, height = round(box.x1 * scale) - left, round(box.y1 * scale) - top
        confidence_and_text = (-1, "") if word is None else (100, word)
        return "\t".join(map(str, (level, 1, *place, left, top, width, height, *confidence_and_text)))

    scale = dpi / _POINTS_PER_INCH
    rows = [HEADER, row(1, (0, 0, 0, 0), page_rect)]
    for block_number, (_, block_words) in enumerate(groupby(words, key=lambda word: word.block), 1):
        block = list(block_words)
        rows.append(row(2, (block_number, 0, 0, 0), _around(block)))
        rows.append(row(3, (block_number, 1, 0, 0), _around(block)))
        for line_number, (_, line_words) in enumerate(groupby(block, key=lambda word: word.line), 1):
            line = list(line_words)
            rows.append(row(4, (block_number, 1, line_number, 0), _around(line)))
            rows.extend(
                row(5, (block_number, 1, line_number, word_number), word.box, word.text)
                for word_number, word in enumerate(line, 1)
            )
    return "\n".join(rows) + "\n"


def _around(words: list[PlacedWord]) -> pymupdf.Rect:
    return pymupdf.Rect(
        min(word.box.x0 for word in words),
        min(word.box.y0 for word in words),
        max(word.box.x1 for word in words),
        max(word.box.y1 for word in words),
    )
