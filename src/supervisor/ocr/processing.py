"""From documents to results: what both the executor and `supervisor try` call.

Each document is opened in a page process, since hostile files crash decoders, and then each of its pages is recognised
in one; documents are opened ahead, so that no process waits where one document ends and the next begins. A document all
of whose pages are known is neither opened nor decoded.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, assert_never

from supervisor.errors import NoRoomError
from supervisor.ocr.documents.document import Document
from supervisor.ocr.events import DocumentFinished, DocumentOpened, DocumentRequest, Event, PageFinished, Waiting
from supervisor.ocr.handout import Handout
from supervisor.ocr.known import KnownPages
from supervisor.ocr.pages.outcomes import Lost, outcome_of
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.pages.tasks import Killed, NoRoom, NotStarted, Recognised, Refused
from supervisor.ocr.results import PageResult
from supervisor.ocr.under_way import OpenDocument, Opening, Page, Searchable, UnderWay, is_overdue, wanted_pages

# How soon `stop` and tasks that take too long are noticed while pages are being worked on.
_LOOK_SECONDS = 0.1


def process_documents(
    requests: Iterable[DocumentRequest],
    pool: PagePool,
    known: KnownPages,
    *,
    stop: threading.Event,
    abandon: threading.Event | None = None,
) -> Iterator[Event]:
    """Recognise documents, yielding events as they happen; at most twice as many tasks as processes are under way.

    `requests` is read lazily. Of documents that are alike the first is worked on, and the others take its pages, if any
    are kept. Once `stop` is set no page is begun; those being worked on are still yielded, then the generator ends, and
    a document that lacks pages has no `DocumentFinished`. Once `abandon` is set it ends at once; a signal handler sets
    it, since an exception out of one can strike while a lock of the pool is held.

    Raises:
        PoolBrokenError: Page processes cannot be kept alive.
        NoRoomError: A disk is full; the other pages that were being worked on have been yielded.
    """
    return _Processing(requests, pool, known, stop, abandon or threading.Event()).events()


class _Processing:
    def __init__(
        self,
        requests: Iterable[DocumentRequest],
        pool: PagePool,
        known: KnownPages,
        stop: threading.Event,
        abandon: threading.Event,
    ) -> None:
        self._requests = iter(requests)
        self._pool = pool
        self._known = known
        self._stop = stop
        self._abandon = abandon
        self._lack: NoRoomError | None = None
        self._stop_file = pool.new_file("stop")
        self._handout = Handout(pool, known, self._stop_file)
        self._limit = 2 * pool.workers
        self._under_way: dict[Future[Any], UnderWay] = {}
        self._documents: deque[OpenDocument] = deque()
        # Documents like one that is being worked on, by what they have in common.
        self._followers: dict[tuple[str, str], list[DocumentRequest]] = {}
        self._released: deque[DocumentRequest] = deque()

    def events(self) -> Iterator[Event]:
        try:
            while not self._abandon.is_set():
                if self._is_stopping:
                    self._begin_no_task()
                else:
                    yield from self._fill()
                if not self._under_way:
                    break
                if not self._done():
                    yield Waiting()
                    wait(self._under_way, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                self._look_after_tasks()
                for future in self._done():
                    yield from self._take_in(self._under_way.pop(future), future)
            if self._lack is not None:
                raise self._lack
        finally:
            self._begin_no_task()

    def _begin_no_task(self) -> None:
        # Its folder goes when its user logs out (logind.conf(5), RemoveIPC): then what was handed out is done.
        with suppress(FileNotFoundError):
            self._stop_file.touch()

    @property
    def _is_stopping(self) -> bool:
        return self._stop.is_set() or self._lack is not None

    def _done(self) -> list[Future[Any]]:
        return [future for future in self._under_way if future.done()]

    def _fill(self) -> Iterator[Event]:
        """Hand out tasks as long as there is room, opening documents ahead; what is known already needs none."""
        # Known documents can be many: nothing that waits or is done waits for all of them.
        until = time.monotonic() + _LOOK_SECONDS
        while self._has_room() and not self._done() and (request := self._next_request()):
            yield from self._look_at(request)
            if (self._under_way or self._documents) and time.monotonic() > until:
                break
        while self._has_room() and self._begin_next_page():
            pass

    def _has_room(self) -> bool:
        return len(self._under_way) < self._limit and not self._is_stopping and not self._abandon.is_set()

    def _next_request(self) -> DocumentRequest | None:
        if sum(len(document.waiting) for document in self._documents) >= self._limit:
            return None
        return self._released.popleft() if self._released else next(self._requests, None)

    def _look_at(self, request: DocumentRequest) -> Iterator[Event]:
        if request.identity is not None and self._known.is_asked:
            if request.identity in self._followers:
                self._followers[request.identity].append(request)
                return
            self._followers[request.identity] = []
        if page_count := self._known.page_count(request):
            yield from self._begin(request, page_count, None)
        else:
            self._open(request)

    def _begin(self, request: DocumentRequest, page_count: int, document: Document | None) -> Iterator[Event]:
        wanted = wanted_pages(request, page_count)
        if isinstance(wanted, DocumentFinished):
            yield from self._end(wanted)
            return
        yield DocumentOpened(request, page_count)
        owner = OpenDocument(request, page_count, document, deque(), {})
        for page_number in range(1, page_count + 1):
            page: PageResult | None
            if page_number not in wanted:
                reason = f'not among the job\'s pages "{request.job.pages}"'
                page = PageResult(page_number, "skipped", error=reason)
            else:
                page = request.done.get(page_number) or self._known.page(request, page_number)
            if page is None:
                owner.waiting.append(page_number)
            else:
                owner.results[page_number] = page
                yield PageFinished(request, page, reused=page_number in wanted and page_number in request.done)
        if owner.is_complete:
            yield from self._complete(owner)
        elif document is None:
            self._open(request, owner)
        else:
            self._documents.append(owner)

    def _begin_next_page(self) -> bool:
        if not self._documents:
            return False
        owner = self._documents[0]
        page_number = owner.waiting.popleft()
        if not owner.waiting:
            self._documents.popleft()
        self._submit(self._handout.page(owner, page_number))
        return True

    def _open(self, request: DocumentRequest, owner: OpenDocument | None = None) -> None:
        self._submit(self._handout.opening(request, owner))

    def _submit(self, what: UnderWay) -> None:
        self._under_way[self._pool.submit(what.task)] = what

    def _try_again(self, what: UnderWay, reason: str | None) -> None:
        if not self._is_stopping:
            self._submit(self._handout.again(what, reason))

    def _look_after_tasks(self) -> None:
        for future, what in self._under_way.items():
            if not future.done() and is_overdue(what):
                future.cancel()
        self._pool.look_after()

    def _take_in(self, what: UnderWay, future: Future[Any]) -> Iterator[Event]:
        outcome = outcome_of(future, what.task.job)
        what.task.stopwatch.unlink(missing_ok=True)
        if isinstance(outcome, NotStarted):
            return
        if isinstance(outcome, NoRoom):
            self._lack = NoRoomError(outcome.reason)
            return
        match what:
            case Opening():
                yield from self._opened(what, outcome)
            case Page():
                yield from self._recognised(what, outcome)
            case Searchable():
                yield from self._made_searchable(what, outcome)
            case _:
                assert_never(what)

    def _opened(self, opening: Opening, outcome: Document | Refused | Lost) -> Iterator[Event]:
        request, owner = opening.request, opening.owner
        match outcome:
            case Lost(reason, may_pass=True) if not opening.task.is_second_try:
                self._try_again(opening, reason)
            case Lost(reason) | Refused(reason):
                yield from self._end(DocumentFinished(request, "failed", None, (), reason))
            case Document() as document if owner is None:
                if document.is_blob:
                    self._known.keep_page_count(request, document.page_count)
                yield from self._begin(request, document.page_count, document)
            case Document() as document:
                owner.document = document
                if owner.waiting:
                    self._documents.append(owner)
                else:
                    yield from self._complete(owner)
            case _:
                assert_never(outcome)

    def _recognised(self, page: Page, outcome: Recognised | Killed | Lost) -> Iterator[Event]:
        owner, number = page.owner, page.task.page_number
        if isinstance(outcome, Lost):
            self._pool.clear(page.task.folders)
        match outcome:
            case Lost(reason, may_pass=True) if not page.task.is_second_try:
                self._try_again(page, reason)
                return
            case Killed(result) if not page.task.is_second_try:
                self._try_again(page, result.error)
                return
            case Killed(result):
                pass
            case Lost(reason):
                result = PageResult(number, "failed", error=reason)
            case Recognised(result, picture):
                if result.source == "ocr":
                    result = replace(result, because=self._known.why(owner.request))
                if owner.document is not None and owner.document.is_blob:
                    self._known.keep(owner.request, result, picture)
            case _:
                assert_never(outcome)
        owner.results[number] = result
        yield PageFinished(owner.request, result)
        if owner.is_complete:
            yield from self._complete(owner)

    def _complete(self, owner: OpenDocument) -> Iterator[Event]:
        """Finish a document whose pages are all there, its PDF last."""
        finished = owner.finished()
        if "pdf" not in owner.request.job.formats:
            yield from self._end(finished)
        elif owner.document is None:
            self._open(owner.request, owner)
        else:
            self._submit(self._handout.searchable(owner.document, finished))

    def _made_searchable(self, searchable: Searchable, outcome: Path | Refused | Lost) -> Iterator[Event]:
        finished = searchable.finished
        match outcome:
            case Path():
                finished = replace(finished, pdf=outcome)
            case Lost(reason, may_pass=True) if not searchable.task.is_second_try:
                self._try_again(searchable, reason)
                return
            case Lost(reason) | Refused(reason):
                finished = replace(finished, status="failed", error=finished.error or f"no searchable PDF: {reason}")
            case _:
                assert_never(outcome)
        yield from self._end(finished)

    def _end(self, finished: DocumentFinished) -> Iterator[Event]:
        """Tell that a document is finished, and let those follow that are like it."""
        yield finished
        if finished.request.identity is not None:
            self._released.extend(self._followers.pop(finished.request.identity, ()))
