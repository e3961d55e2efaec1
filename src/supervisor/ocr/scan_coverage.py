"""Whether the text of a scanned PDF page is all that its picture shows, or a stamp or a header of it."""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

from collections.abc import Sequence
from typing import Any

import pymupdf

from supervisor.ocr.pdf import SCAN_COVERAGE, image_coverage, page_area

# A stamp or a line of licence text covers about one percent of a page, a short letter four, a book page twenty.
_MIN_TEXT_SHARE = 0.03


def covers_scan(page: Any, boxes: Sequence[pymupdf.Rect]) -> bool:
    """Tell whether words in these boxes, in points on the displayed page, can be all the text of a page.

    True for pages that pictures do not dominate.
    """
    if image_coverage(page) < SCAN_COVERAGE:
        return True
    text_area = sum(abs(float(box.width) * float(box.height)) for box in boxes)
    return text_area >= _MIN_TEXT_SHARE * page_area(page)
