"""From documents to results: what both the executor and `supervisor try` call.

Each document is opened in a page process, since hostile files crash decoders, and then each of its pages is recognised
in one; documents are opened ahead, so that no process waits where one document ends and the next begins.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, assert_never

from supervisor.ocr.documents import Document
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.job import Job
from supervisor.ocr.outcomes import Lost, outcome_of
from supervisor.ocr.page_selection import select_pages
from supervisor.ocr.pool import PagePool
from supervisor.ocr.results import PageResult
from supervisor.ocr.worker import (
    MARGIN_SECONDS,
    Killed,
    NotStarted,
    OpenTask,
    PageTask,
    Refused,
    open_task,
    page_task,
)

# How soon `stop` is noticed while pages are being worked on.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class DocumentRequest:
    """One document to recognise.

    Attributes:
        path: In the workspace, or the LFS pointer or link that stands there.
        name: For people.
        job: How to recognise it.
        root: The top of the workspace; no link may lead out of it.
        lfs_objects_dir: The repository's local LFS store, None where there is none.
        done: Results by page number that are used again instead of recognising those pages.
    """

    path: Path
    name: str
    job: Job
    root: Path
    lfs_objects_dir: Path | None = None
    done: Mapping[int, PageResult] = field(default_factory=dict)


@dataclass(frozen=True)
class DocumentOpened:
    """A document could be opened; its pages follow."""

    request: DocumentRequest
    page_count: int


@dataclass(frozen=True)
class PageFinished:
    """A page has its result.

    Attributes:
        request: Whose page.
        page: The result.
        reused: It was handed in with the request.
    """

    request: DocumentRequest
    page: PageResult
    reused: bool


@dataclass(frozen=True)
class DocumentFinished:
    """A document has all its results.

    Attributes:
        request: Which document.
        status: failed if it could not be opened or any page failed.
        page_count: None if it could not be opened.
        pages: In order, one for each page; empty if it could not be opened.
        error: The reason, None if succeeded.
    """

    request: DocumentRequest
    status: Literal["succeeded", "failed"]
    page_count: int | None
    pages: tuple[PageResult, ...]
    error: str | None


Event = DocumentOpened | PageFinished | DocumentFinished


def process_documents(
    requests: Iterable[DocumentRequest],
    pool: PagePool,
    *,
    stop: threading.Event,
    abandon: threading.Event | None = None,
) -> Iterator[Event]:
    """Recognise documents, yielding events as they happen; at most twice as many tasks as processes are under way.

    `requests` is read lazily. Once `stop` is set no page is begun; those being worked on are still yielded, then the
    generator ends, and a document that lacks pages has no `DocumentFinished`. Once `abandon` is set it ends at once; a
    signal handler sets it, since an exception out of one can strike while a lock of the pool is held.

    Raises:
        PoolBrokenError: Page processes cannot be kept alive.
    """
    return _Processing(requests, pool, stop, abandon or threading.Event()).events()


@dataclass
class _OpenDocument:
    """A document whose pages are being recognised."""

    request: DocumentRequest
    document: Document
    waiting: deque[int]
    results: dict[int, PageResult]


@dataclass(frozen=True)
class _Opening:
    """A document that is being opened."""

    request: DocumentRequest
    task: OpenTask
    is_second_try: bool = False


@dataclass(frozen=True)
class _Page:
    """A page that is being recognised."""

    owner: _OpenDocument
    task: PageTask
    is_second_try: bool = False


class _Processing:
    def __init__(
        self, requests: Iterable[DocumentRequest], pool: PagePool, stop: threading.Event, abandon: threading.Event
    ) -> None:
        self._requests = iter(requests)
        self._pool = pool
        self._stop = stop
        self._abandon = abandon
        self._stop_file = pool.new_stop_file()
        self._limit = 2 * pool.workers
        self._openings: dict[Future[Document | Refused | NotStarted], _Opening] = {}
        self._pages: dict[Future[PageResult | Killed | NotStarted], _Page] = {}
        self._documents: deque[_OpenDocument] = deque()

    def events(self) -> Iterator[Event]:
        try:
            while not self._abandon.is_set():
                if self._stop.is_set():
                    self._stop_file.touch()
                else:
                    self._fill()
                if not self._openings and not self._pages:
                    return
                under_way: list[Future[object]] = [*self._openings, *self._pages]  # type: ignore[list-item]
                wait(under_way, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                yield from self._collect()
        finally:
            self._stop_file.touch()

    def _fill(self) -> None:
        while len(self._openings) + len(self._pages) < self._limit and (self._open_next() or self._begin_next_page()):
            pass

    def _open_next(self) -> bool:
        waiting = sum(len(document.waiting) for document in self._documents)
        if waiting >= self._limit or len(self._openings) >= self._pool.workers:
            return False
        request = next(self._requests, None)
        if request is None:
            return False
        task = OpenTask(request.path, request.root, request.lfs_objects_dir, request.job, self._stop_file)
        self._submit_opening(_Opening(request, task))
        return True

    def _begin_next_page(self) -> bool:
        if not self._documents:
            return False
        owner = self._documents[0]
        page_number = owner.waiting.popleft()
        if not owner.waiting:
            self._documents.popleft()
        self._submit_page(_Page(owner, self._page_task(owner, page_number)))
        return True

    def _page_task(self, owner: _OpenDocument, page_number: int) -> PageTask:
        request, folders = owner.request, self._pool.new_folders()
        return PageTask(owner.document, page_number, request.root, request.job, folders, self._stop_file)

    def _submit_opening(self, opening: _Opening) -> None:
        limit_seconds = opening.task.job.page_timeout_seconds + MARGIN_SECONDS
        self._openings[self._pool.submit(open_task, opening.task, timeout_seconds=limit_seconds)] = opening

    def _submit_page(self, page: _Page) -> None:
        limit_seconds = page.task.job.page_timeout_seconds + MARGIN_SECONDS
        self._pages[self._pool.submit(page_task, page.task, timeout_seconds=limit_seconds)] = page

    def _collect(self) -> Iterator[Event]:
        for opening_future in [future for future in self._openings if future.done()]:
            yield from self._opened(self._openings.pop(opening_future), opening_future)
        for page_future in [future for future in self._pages if future.done()]:
            yield from self._recognised(self._pages.pop(page_future), page_future)

    def _opened(self, opening: _Opening, future: Future[Document | Refused | NotStarted]) -> Iterator[Event]:
        match outcome_of(future, opening.request.job):
            case NotStarted():
                return
            case Lost(may_pass=True) if not opening.is_second_try:
                if not self._stop.is_set():
                    self._submit_opening(_Opening(opening.request, opening.task, is_second_try=True))
            case Lost(reason) | Refused(reason):
                yield DocumentFinished(opening.request, "failed", None, (), reason)
            case Document() as document:
                yield from self._begin(opening.request, document)
            case outcome:
                assert_never(outcome)

    def _begin(self, request: DocumentRequest, document: Document) -> Iterator[Event]:
        try:
            wanted = select_pages(request.job.pages, document.page_count)
        except DocumentError as error:
            yield DocumentFinished(request, "failed", document.page_count, (), error.message)
            return
        yield DocumentOpened(request, document.page_count)
        owner = _OpenDocument(request, document, deque(), {})
        for page_number in range(1, document.page_count + 1):
            if page_number not in wanted:
                reason = f'not among the job\'s pages "{request.job.pages}"'
                owner.results[page_number] = PageResult(page_number, "skipped", error=reason)
                yield PageFinished(request, owner.results[page_number], reused=False)
            elif page_number in request.done:
                owner.results[page_number] = request.done[page_number]
                yield PageFinished(request, owner.results[page_number], reused=True)
            else:
                owner.waiting.append(page_number)
        if owner.waiting:
            self._documents.append(owner)
        else:
            yield _finished(owner)

    def _recognised(self, page: _Page, future: Future[PageResult | Killed | NotStarted]) -> Iterator[Event]:
        outcome = outcome_of(future, page.task.job)
        if isinstance(outcome, Lost):
            self._pool.clear(page.task.folders)
        match outcome:
            case NotStarted():
                return
            case Killed() | Lost(may_pass=True) if not page.is_second_try:
                if not self._stop.is_set():
                    task = self._page_task(page.owner, page.task.page_number)
                    self._submit_page(_Page(page.owner, task, is_second_try=True))
                return
            case Killed(result):
                pass
            case Lost(reason):
                result = PageResult(page.task.page_number, "failed", error=reason)
            case PageResult() as result:
                pass
            case _:
                assert_never(outcome)
        owner = page.owner
        owner.results[result.page_number] = result
        yield PageFinished(owner.request, result, reused=False)
        if len(owner.results) == owner.document.page_count:
            yield _finished(owner)


def _finished(owner: _OpenDocument) -> DocumentFinished:
    pages = tuple(owner.results[number] for number in range(1, owner.document.page_count + 1))
    failed = [page for page in pages if page.status == "failed"]
    if not failed:
        return DocumentFinished(owner.request, "succeeded", len(pages), pages, None)
    error = failed[0].error or "failed"
    if len(pages) > 1:
        error = f"page {failed[0].page_number}: {error} ({len(failed)} of {len(pages)} pages failed)"
    return DocumentFinished(owner.request, "failed", len(pages), pages, error)
