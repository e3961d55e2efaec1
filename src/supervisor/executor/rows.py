"""Results as recognition knows them, and as the database and people do."""

from collections.abc import Sequence
from typing import cast

from supervisor.model.states import ResultStatus
from supervisor.ocr.results import PageResult, PageSource, PageStatus
from supervisor.store.results import StoredPage


def stored_page(document: str, page: PageResult) -> StoredPage:
    """Return the row of a page that is finished."""
    return StoredPage(
        document=document,
        page_number=page.page_number,
        status=ResultStatus(page.status),
        source=page.source,
        text=page.text,
        mean_confidence=page.mean_confidence,
        low_confidence=page.low_confidence,
        weak_word_share=page.weak_word_share,
        word_count=page.word_count,
        duration_ms=page.duration_ms,
        error=page.error,
        page_key=page.page_key,
        because=page.because,
        master=page.master,
    )


def page_result(page: StoredPage) -> PageResult:
    """Return a page of its row."""
    return PageResult(
        page_number=page.page_number,
        status=cast("PageStatus", str(page.status)),
        source=cast("PageSource", page.source),
        text=page.text,
        master=page.master,
        mean_confidence=page.mean_confidence,
        low_confidence=page.low_confidence,
        weak_word_share=page.weak_word_share,
        word_count=page.word_count,
        duration_ms=page.duration_ms,
        error=page.error,
        page_key=page.page_key,
        because=page.because,
    )


def failure(failed: Sequence[str], total: int) -> str:
    """Return why a run has failed, some of whose documents have."""
    others = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{len(failed)} of {total} {'document' if total == 1 else 'documents'} failed: {failed[0]}{others}"
