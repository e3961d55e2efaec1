"""Whether the text of a scanned PDF page is all that its picture shows, or a stamp or a header of it."""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

from collections.abc import Sequence
from typing import Any

import pymupdf
from PIL import Image, ImageDraw

from supervisor.ocr.documents.pdf import POINTS_PER_INCH, SCAN_COVERAGE, image_coverage, page_area, render_page

# A stamp or a line of licence text covers about one percent of a page, a short letter four, a book page twenty.
_MIN_TEXT_SHARE = 0.03
# The page is looked at in cells, each about three lines high and a few words wide.
_CELLS_ACROSS, _CELLS_DOWN = 20, 28
# A page of prose with its margins leaves so many cells without text; below that nothing large can be missing.
_MAX_EMPTY_SHARE = 0.5
# Fine enough to tell letters from paper; decoding the picture costs more than looking at it.
_PIXELS_PER_CELL = 30
# In a cell of print some of the paper is black and most of it blank; photographs and dark edges have little blank.
_INK_SHARE = (0.02, 0.5)
_INK_LEVEL = 0.6
_MAX_MISSING_SHARE = 0.5


def covers_scan(page: Any, boxes: Sequence[pymupdf.Rect]) -> bool:
    """Tell whether words in these boxes, in points on the displayed page, can be all the text of a page.

    True for pages that pictures do not dominate. Where text leaves half of a scan empty, its picture is looked at.
    """
    if image_coverage(page) < SCAN_COVERAGE:
        return True
    text_area = sum(abs(float(box.width) * float(box.height)) for box in boxes)
    if text_area < _MIN_TEXT_SHARE * page_area(page):
        return False
    has_text = _cells_with_text(page, boxes)
    if has_text.count(False) <= _MAX_EMPTY_SHARE * len(has_text):
        return True
    has_print = _cells_with_print(page)
    missing = sum(printed and not text for printed, text in zip(has_print, has_text, strict=True))
    return missing <= _MAX_MISSING_SHARE * sum(has_print)


def _cells_with_text(page: Any, boxes: Sequence[pymupdf.Rect]) -> list[bool]:
    cells = Image.new("L", (_CELLS_ACROSS, _CELLS_DOWN))
    draw = ImageDraw.Draw(cells)
    across, down = _CELLS_ACROSS / page.rect.width, _CELLS_DOWN / page.rect.height
    for box in boxes:
        draw.rectangle((int(box.x0 * across), int(box.y0 * down), int(box.x1 * across), int(box.y1 * down)), fill=1)
    return [cell > 0 for cell in cells.tobytes()]


def _cells_with_print(page: Any) -> list[bool]:
    """Return for each cell, row by row, whether it looks like printed text."""
    size = _CELLS_ACROSS * _PIXELS_PER_CELL, _CELLS_DOWN * _PIXELS_PER_CELL
    pixmap = render_page(page, max(1, round(POINTS_PER_INCH * size[0] / page.rect.width)))
    picture = Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples).resize(size)
    # The paper is whatever most of the page is.
    histogram = picture.histogram()
    paper = histogram.index(max(histogram))
    ink = picture.point([255 if level < _INK_LEVEL * paper else 0 for level in range(256)])
    shares = ink.resize((_CELLS_ACROSS, _CELLS_DOWN), Image.Resampling.BOX).tobytes()
    lowest, highest = _INK_SHARE
    return [lowest <= share / 255 <= highest for share in shares]
