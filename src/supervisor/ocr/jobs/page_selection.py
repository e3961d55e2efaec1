"""The `pages` key of a job: which pages of a document are wanted."""

import re

from supervisor.ocr.errors import DocumentError

_RANGE = re.compile(r"\s*([0-9]{1,9})\s*(-\s*([0-9]{1,9})?\s*)?")


def parse_pages(selection: str) -> tuple[tuple[int, int | None], ...]:
    """Read "1-5,9,12-" as ranges of page numbers; None is the last page.

    Raises:
        ValueError: With the reason, if it says anything else.
    """
    ranges = []
    for part in selection.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f'must be page numbers and ranges such as "1-5,9" or "3-", not "{selection}"')
        first = int(match[1])
        last = (int(match[3]) if match[3] else None) if match[2] else first
        if first < 1:
            raise ValueError("counts pages from 1")
        if last is not None and last < first:
            raise ValueError(f'runs backwards in "{part.strip()}"')
        ranges.append((first, last))
    return tuple(ranges)


def select_pages(selection: str | None, page_count: int) -> frozenset[int]:
    """Return the wanted page numbers of a document that has `page_count` pages.

    Raises:
        DocumentError: The selection names a page that the document does not have.
    """
    if selection is None:
        return frozenset(range(1, page_count + 1))
    wanted: set[int] = set()
    for first, last in parse_pages(selection):
        beyond = max(first, last or first)
        if beyond > page_count:
            pages = "1 page" if page_count == 1 else f"{page_count} pages"
            raise DocumentError(f'the job asks for pages "{selection}", but the document has {pages}')
        wanted.update(range(first, (last or page_count) + 1))
    return frozenset(wanted)
