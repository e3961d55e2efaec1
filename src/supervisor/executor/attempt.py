"""One attempt at a run, inside its executor: pages in, rows, files, trace and messages out."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_never

from supervisor.artifacts.trace import USED, Trace
from supervisor.clock import Clock
from supervisor.executor.batch import Batch
from supervisor.executor.messages import Finished, Message, Start, Stopped, Used
from supervisor.executor.meter import Meter
from supervisor.executor.recall import Recall
from supervisor.executor.rows import failure, page_result, stored_page
from supervisor.executor.spec import RunSpec, SpecDocument
from supervisor.executor.story import Story
from supervisor.logs.lines import chosen_level
from supervisor.model.states import ResultStatus, RunStatus
from supervisor.ocr import events
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.formats.outputs import assemble, place_file, write_outputs
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.processing import process_documents
from supervisor.ocr.results import PageTiming
from supervisor.ocr.slots.machine import machine_budget
from supervisor.room import needing_room
from supervisor.store.results import AttemptKey, ResultStore, StoredDocument

# Documents whose pages databases are asked for at once.
_LOOKED_UP_TOGETHER = 200
# How often the trace tells what is used: it is all that is left of a run whose supervisor and executor are killed.
_TRACED_SECONDS = 10.0
_TRACE_EVENTS = {
    "ocr": "page_recognised",
    "text_layer": "page_text_kept",
    "cache": "page_reused",
    "blank": "page_blank",
}


class Attempt:
    """Performs the jobs of one attempt and keeps everything that it finishes, page by page.

    A page that an earlier, interrupted term of the attempt stored is taken from there.
    """

    def __init__(self, start: Start, *, send: Callable[[Message], object], stop: threading.Event, clock: Clock) -> None:
        self._start = start
        self._spec = RunSpec.from_json(start.spec)
        self._documents = {document.path: document for document in self._spec.documents}
        self._send = send
        self._stop = stop
        self._clock = clock
        self._story = Story()
        self._key = AttemptKey(start.run, start.run_id, start.attempt, start.lease_term)
        self._meter = Meter()
        self._next_traced = time.monotonic() + _TRACED_SECONDS
        self._output = Path(start.artifacts) / ".staging" / str(start.lease_term) / "output"
        self._published = Path(start.artifacts) / "output"

    def perform(self, held_descriptors: Sequence[int]) -> Finished | Stopped:
        """Do it; return how it ended.

        Args:
            held_descriptors: Locks that every process of the page pool keeps, too.

        Raises:
            NoRoomError: Something has no room; what was stored before is whole.
        """
        self._output.mkdir(parents=True, exist_ok=True)
        store = ResultStore(
            self._start.database_url,
            shared=self._start.database_is_shared,
            patience_seconds=self._start.patience_seconds,
        )
        try:
            self._send(self._meter.read())
            documents = [_stored_document(document) for document in self._spec.documents]
            store.begin(self._key, documents)
            with Trace(
                Path(self._start.artifacts) / "trace.jsonl",
                run_id=self._start.run_id,
                attempt=self._start.attempt,
                lease_term=self._start.lease_term,
            ) as trace:
                outcome = self._perform(store, trace, held_descriptors)
                self._story.end(outcome)
                return outcome
        finally:
            store.close()

    def _perform(self, store: ResultStore, trace: Trace, held_descriptors: Sequence[int]) -> Finished | Stopped:
        trace.event(
            "attempt_started",
            self._now(),
            documents=len(self._spec.documents),
            worker=self._start.worker,
            pid=os.getpid(),
        )
        failed: list[str] = []
        finished = 0
        batch = Batch(store, self._key, self._send)
        with Recall(self._start, self._spec) as recall, self._pool(recall, held_descriptors) as pool:
            self._story.begin(self._start, self._spec, tesseract=recall.tesseract.version)
            requests = self._requests(recall, store)
            for event in process_documents(requests, pool, recall.known, stop=self._stop):
                match event:
                    case events.DocumentOpened(request, page_count):
                        trace.event("document_opened", self._now(), document=request.name, page_count=page_count)
                        batch.opened(page_count)
                    case events.PageFinished():
                        self._keep_page(event, batch, trace)
                    case events.DocumentFinished(request):
                        finished += 1
                        document = self._keep_document(event, batch, trace)
                        has_failed = document.status is ResultStatus.FAILED
                        recall.note(request, has_failed=has_failed)
                        if has_failed:
                            failed.append(request.name)
                    case events.Waiting():
                        batch.flush()
                    case _:
                        assert_never(event)
                if (used := self._meter.look()) is not None:
                    self._tell_used(used, trace, at_once=False)
            batch.flush()
        # The page processes have ended, and all that they used is known.
        self._tell_used(self._meter.read(), trace, at_once=True)
        if finished < len(self._spec.documents):
            trace.event("attempt_stopped", self._now(), documents_left=len(self._spec.documents) - finished)
            return Stopped()
        trace.event("attempt_finished", self._now(), documents_failed=len(failed))
        if failed:
            return Finished(RunStatus.FAILED, failure(failed, len(self._spec.documents)))
        return Finished(RunStatus.SUCCEEDED, None)

    def _tell_used(self, used: Used, trace: Trace, *, at_once: bool) -> None:
        """Tell the supervisor what was used so far; the trace, too, if it is time for it."""
        self._send(used)
        if at_once or time.monotonic() >= self._next_traced:
            self._next_traced = time.monotonic() + _TRACED_SECONDS
            trace.event(USED, self._now(), **asdict(used))

    def _now(self) -> datetime:
        return self._clock.now()

    def _pool(self, recall: Recall, held_descriptors: Sequence[int]) -> PagePool:
        return PagePool(
            self._start.ocr_workers,
            tesseract=recall.tesseract,
            slots=machine_budget(os.environ),
            cache_directory=Path(self._start.cache_directory) if self._start.cache_directory else None,
            scratch=Path(self._start.scratch),
            spill=Path(self._start.spill),
            keep_open=held_descriptors,
            log_level=chosen_level(os.environ),
        )

    def _requests(self, recall: Recall, store: ResultStore) -> Iterator[events.DocumentRequest]:
        workspace = Path(self._start.workspace)
        lfs_objects_dir = Path(self._start.lfs_objects_dir)
        jobs = {job.name: job for job in self._spec.jobs}
        for number, document in enumerate(self._spec.documents):
            if number % _LOOKED_UP_TOGETHER == 0:
                coming = self._spec.documents[number : number + _LOOKED_UP_TOGETHER]
                recall.prefetch((jobs[one.job], one.blob_sha) for one in coming)
                stored = store.finished_pages(self._key, [one.path for one in coming])
            path = workspace / os.fsdecode(document.path_bytes)
            self._story.take_up(document.path)
            yield events.DocumentRequest(
                path=path,
                name=document.path,
                job=jobs[document.job],
                root=workspace,
                lfs_objects_dir=lfs_objects_dir,
                done={page.page_number: page_result(page) for page in stored.get(document.path, ())},
                # Git knows a link by where it leads to, and not by what is there.
                blob_sha=None if path.is_symlink() else document.blob_sha,
            )

    def _keep_page(self, event: events.PageFinished, batch: Batch, trace: Trace) -> None:
        page, document = event.page, event.request.name
        self._story.page(document, page)
        if event.reused:
            name = "page_reused"
            batch.page_kept(page)
        else:
            name = _TRACE_EVENTS.get(page.source or "", f"page_{page.status}")
            batch.page(stored_page(document, page))
        trace.event(
            name,
            self._now(),
            document=document,
            page_number=page.page_number,
            duration_ms=page.duration_ms,
            word_count=page.word_count,
            mean_confidence=page.mean_confidence,
            because=page.because,
            error=page.error,
            **_told(page.timing),
        )

    def _keep_document(self, event: events.DocumentFinished, batch: Batch, trace: Trace) -> StoredDocument:
        """Stage and store a document, and return how it stands in the end."""
        document = self._documents[event.request.name]
        status, error = ResultStatus(event.status), event.error
        if event.pages:
            name = os.fsdecode(document.path_bytes)
            try:
                outputs = assemble(document.path, event.pages, event.request.job.formats)
                with needing_room(self._output):
                    write_outputs(self._output, name, outputs, earlier_dir=self._published)
                    if event.pdf is not None:
                        place_file(self._output, name, "pdf", event.pdf)
            except DocumentError as refusal:
                status, error = ResultStatus.FAILED, str(refusal)
        row = StoredDocument(document.path, document.blob_sha, document.job, status, event.page_count, error)
        batch.document(row, event.pages)
        self._story.document(row)
        trace.event("document_finished", self._now(), document=document.path, status=status, error=error)
        return row


def _told(timing: PageTiming | None) -> dict[str, object]:
    """Return what the trace tells of the work on a page: nothing if there was none."""
    if timing is None:
        return {}
    began_at = datetime.fromtimestamp(timing.began_at, UTC).isoformat(timespec="milliseconds")
    return {**asdict(timing), "began_at": began_at}


def _stored_document(document: SpecDocument) -> StoredDocument:
    return StoredDocument(document.path, document.blob_sha, document.job, None, None, None)
