"""A document as JSON, for programs: every page with how it ended, its text, its words and how far to trust them."""

import json
from collections.abc import Sequence

from supervisor.ocr.characters import plain
from supervisor.ocr.layout import Box, Line, PageLayout
from supervisor.ocr.results import PageResult

SCHEMA = "supervisor.document/1"


def json_file(document: str, pages: Sequence[str]) -> str:
    """Join pages, each as `page_object` makes it."""
    start = f'{{"schema": {_json(SCHEMA)}, "document": {_json(document)}, "pages": ['
    return start + ",".join(f"\n{page}" for page in pages) + "\n]}\n"


def page_object(page: PageResult, layout: str) -> str:
    """Return the object of a page: what is stated about it, and the members that `layout_members` wrote."""
    stated = {
        "page_number": page.page_number,
        "status": page.status,
        "error": None if page.error is None else plain(page.error),
        "source": page.origin,
        "text": page.text,
        "quality": {
            "word_count": page.word_count,
            "mean_confidence": _rounded(page.mean_confidence),
            "low_confidence": _rounded(page.low_confidence),
            "weak_word_share": _rounded(page.weak_word_share),
        },
    }
    return f"{_json(stated)[:-1]}, {layout}}}"


def layout_members(layout: PageLayout) -> str:
    """Return the size of a page, and its lines with their words, as members of an object."""
    members = {
        "width": layout.width,
        "height": layout.height,
        "dpi": layout.dpi,
        "lines": [_line(line) for line in layout.lines()],
    }
    return _json(members)[1:-1]


def members_without_layout() -> str:
    """Return the same members for a page that has no result."""
    return _json({"width": None, "height": None, "dpi": None, "lines": []})[1:-1]


def _line(line: Line) -> dict[str, object]:
    return {
        "box": _corners(line.box),
        "words": [{"text": word.text, "box": _corners(word.box), "confidence": word.confidence} for word in line.words],
    }


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.left, box.top, box.right, box.bottom


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
