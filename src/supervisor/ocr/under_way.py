"""What `process_documents` has begun and not finished."""

from collections import deque
from dataclasses import dataclass

from supervisor.ocr.documents.document import Document
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.events import DocumentFinished, DocumentRequest
from supervisor.ocr.jobs.page_selection import select_pages
from supervisor.ocr.pages.stopwatch import Stopwatch
from supervisor.ocr.pages.tasks import MARGIN_SECONDS, OpenTask, PageTask, SearchableTask
from supervisor.ocr.results import PageResult


@dataclass
class OpenDocument:
    """A document whose pages are being worked on.

    Attributes:
        document: None as long as nothing of it had to be decoded.
        waiting: Numbers of pages that nobody has begun.
        results: By page number.
    """

    request: DocumentRequest
    page_count: int
    document: Document | None
    waiting: deque[int]
    results: dict[int, PageResult]

    @property
    def is_complete(self) -> bool:
        """Whether every page has its result."""
        return len(self.results) == self.page_count

    def finished(self) -> DocumentFinished:
        """Put the results together."""
        pages = tuple(self.results[number] for number in range(1, self.page_count + 1))
        failed = [page for page in pages if page.status == "failed"]
        if not failed:
            return DocumentFinished(self.request, "succeeded", len(pages), pages, None)
        error = failed[0].error or "failed"
        if len(pages) > 1:
            error = f"page {failed[0].page_number}: {error} ({len(failed)} of {len(pages)} pages failed)"
        return DocumentFinished(self.request, "failed", len(pages), pages, error)


@dataclass(frozen=True)
class Opening:
    """A document that is being opened; `owner` is there if its pages are known, and some have to be recognised."""

    request: DocumentRequest
    task: OpenTask
    owner: OpenDocument | None = None


@dataclass(frozen=True)
class Page:
    """A page that is being recognised."""

    owner: OpenDocument
    task: PageTask


@dataclass(frozen=True)
class Searchable:
    """A searchable PDF that is being made."""

    finished: DocumentFinished
    task: SearchableTask


UnderWay = Opening | Page | Searchable


def is_overdue(what: UnderWay) -> bool:
    """Tell whether a task has been at work for longer than it may."""
    return Stopwatch(what.task.stopwatch).read() > what.task.limit_seconds + MARGIN_SECONDS


def wanted_pages(request: DocumentRequest, page_count: int) -> frozenset[int] | DocumentFinished:
    """Return which pages of a document the job asks for; its end where it has no such page."""
    try:
        return select_pages(request.job.pages, page_count)
    except DocumentError as error:
        return DocumentFinished(request, "failed", page_count, (), error.message)
