"""Documents and pages of a run for people, those first that somebody should look at."""

from collections.abc import Sequence

import click

from supervisor.cli.reports.tables import print_table, shown_share
from supervisor.model.states import ResultStatus
from supervisor.store.quality import DocumentQuality, PageQuality

_SOURCES = {"ocr": "recognised", "cache": "reused", "text_layer": "text layer"}


def print_documents(documents: Sequence[DocumentQuality], limit: int, *, all_of_them: str) -> None:
    """Print documents, at least one.

    Args:
        documents: In the order in which they are printed.
        limit: At most so many.
        all_of_them: The line that prints all.
    """
    rows = [
        (
            document.status or "unfinished",
            _pages(document),
            _figure(document.mean_confidence),
            f"{document.weak_pages:,}",
            f"{document.path}: {document.error}" if document.error else document.path,
        )
        for document in documents[:limit]
    ]
    print_table(("state", "pages", "confidence", "weak pages", "document"), rows, beneath=0)
    _print_more(len(documents) - limit, all_of_them)


def print_pages(pages: Sequence[PageQuality], total: int, *, all_of_them: str) -> None:
    """Print pages, at least one; `total` is how many there are."""
    rows = [
        (
            page.status
            if page.status != ResultStatus.SUCCEEDED
            else _SOURCES.get(page.source or "", page.source or ""),
            _figure(page.mean_confidence),
            "-" if page.weak_word_share is None else shown_share(page.weak_word_share, 1),
            f"{page.word_count:,}",
            f"{page.page_number:,}",
            f"{page.document}: {page.error}" if page.error else page.document,
        )
        for page in pages
    ]
    print_table(("text", "confidence", "weak words", "words", "page", "document"), rows, beneath=0)
    _print_more(total - len(pages), all_of_them)


def _pages(document: DocumentQuality) -> str:
    """Return how many pages could be read, of how many there are."""
    total = document.pages if document.page_count is None else document.page_count
    return f"{document.pages - document.failed_pages:,}/{total:,}"


def _print_more(number: int, all_of_them: str) -> None:
    if number > 0:
        click.echo(f"… and {number:,} more: {all_of_them}")


def _figure(confidence: float | None) -> str:
    return "-" if confidence is None else f"{confidence:.0f}"
