"""One attempt at a run, inside its executor: pages in, rows, files, trace and messages out."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never, cast

from supervisor.artifacts.trace import Trace
from supervisor.clock import Clock
from supervisor.executor.messages import DocumentDone, DocumentOpened, Finished, Message, PageDone, Start, Stopped
from supervisor.executor.spec import RunSpec, SpecDocument
from supervisor.model.states import ResultStatus, RunStatus
from supervisor.ocr import processing
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.formats import assemble, write_outputs
from supervisor.ocr.pool import PagePool
from supervisor.ocr.processing import DocumentRequest
from supervisor.ocr.results import PageResult, PageSource
from supervisor.store.results import AttemptKey, ResultStore, StoredDocument, StoredPage

_TRACE_EVENTS = {"ocr": "page_recognised", "text_layer": "page_text_kept"}


class Attempt:
    """Performs the jobs of one attempt and keeps everything that it finishes, page by page.

    A page that an earlier, interrupted term of the attempt stored is taken from there.
    """

    def __init__(self, start: Start, *, send: Callable[[Message], None], stop: threading.Event, clock: Clock) -> None:
        self._start = start
        self._spec = RunSpec.from_json(start.spec)
        self._documents = {document.path: document for document in self._spec.documents}
        self._send = send
        self._stop = stop
        self._clock = clock
        self._key = AttemptKey(start.run, start.run_id, start.attempt, start.lease_term)
        self._output = Path(start.artifacts) / ".staging" / str(start.lease_term) / "output"

    def perform(self, held_descriptors: Sequence[int]) -> Finished | Stopped:
        """Do it; return how it ended.

        Args:
            held_descriptors: Locks that every process of the page pool keeps, too.
        """
        self._output.mkdir(parents=True, exist_ok=True)
        store = ResultStore(
            self._start.database_url,
            shared=self._start.database_is_shared,
            patience_seconds=self._start.patience_seconds,
        )
        try:
            documents = [_stored_document(document) for document in self._spec.documents]
            store.begin(self._key, documents)
            with Trace(
                Path(self._start.artifacts) / "trace.jsonl",
                run_id=self._start.run_id,
                attempt=self._start.attempt,
                lease_term=self._start.lease_term,
            ) as trace:
                return self._perform(store, trace, held_descriptors)
        finally:
            store.close()

    def _perform(self, store: ResultStore, trace: Trace, held_descriptors: Sequence[int]) -> Finished | Stopped:
        trace.event("attempt_started", self._clock.now(), documents=len(self._spec.documents))
        failed: list[str] = []
        finished = 0
        scratch, spill = Path(self._start.scratch), Path(self._start.spill)
        with PagePool(self._start.ocr_workers, scratch=scratch, spill=spill, keep_open=held_descriptors) as pool:
            requests = self._requests(store.finished_pages(self._key))
            for event in processing.process_documents(requests, pool, stop=self._stop):
                match event:
                    case processing.DocumentOpened():
                        trace.event(
                            "document_opened",
                            self._clock.now(),
                            document=event.request.name,
                            page_count=event.page_count,
                        )
                        self._send(DocumentOpened(event.request.name, event.page_count))
                    case processing.PageFinished():
                        self._keep_page(event, store, trace)
                    case processing.DocumentFinished():
                        finished += 1
                        if self._keep_document(event, store, trace) is ResultStatus.FAILED:
                            failed.append(event.request.name)
                    case _:
                        assert_never(event)
        if finished < len(self._spec.documents):
            trace.event("attempt_stopped", self._clock.now(), documents_left=len(self._spec.documents) - finished)
            return Stopped()
        trace.event("attempt_finished", self._clock.now(), documents_failed=len(failed))
        if failed:
            return Finished(RunStatus.FAILED, _failure(failed, len(self._spec.documents)))
        return Finished(RunStatus.SUCCEEDED, None)

    def _requests(self, stored: Mapping[str, Sequence[StoredPage]]) -> Iterator[DocumentRequest]:
        workspace = Path(self._start.workspace)
        for document in self._spec.documents:
            yield DocumentRequest(
                path=workspace / os.fsdecode(document.path_bytes),
                name=document.path,
                job=self._spec.job(document.job),
                root=workspace,
                lfs_objects_dir=Path(self._start.lfs_objects_dir),
                done={page.page_number: _page_result(page) for page in stored.get(document.path, ())},
            )

    def _keep_page(self, event: processing.PageFinished, store: ResultStore, trace: Trace) -> None:
        page, document = event.page, event.request.name
        if event.reused:
            name = "page_reused"
        else:
            store.store_page(self._key, _stored_page(document, page))
            name = _TRACE_EVENTS.get(page.source or "", f"page_{page.status}")
        trace.event(
            name,
            self._clock.now(),
            document=document,
            page_number=page.page_number,
            duration_ms=page.duration_ms,
            word_count=page.word_count,
            mean_confidence=page.mean_confidence,
            error=page.error,
        )
        self._send(PageDone(document, page.page_number, ResultStatus(page.status), page.source))

    def _keep_document(self, event: processing.DocumentFinished, store: ResultStore, trace: Trace) -> ResultStatus:
        """Stage and store a document, and return how it stands in the end."""
        document = self._documents[event.request.name]
        status, error = ResultStatus(event.status), event.error
        if event.pages:
            try:
                outputs = assemble(event.pages, event.request.job.formats)
                write_outputs(self._output, os.fsdecode(document.path_bytes), outputs)
            except DocumentError as refusal:
                status, error = ResultStatus.FAILED, str(refusal)
        store.finish_document(self._key, document.path, status, event.page_count, error)
        trace.event("document_finished", self._clock.now(), document=document.path, status=status, error=error)
        self._send(DocumentDone(document.path, status, error))
        return status


def _failure(failed: Sequence[str], total: int) -> str:
    others = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{len(failed)} of {total} {'document' if total == 1 else 'documents'} failed: {failed[0]}{others}"


def _stored_document(document: SpecDocument) -> StoredDocument:
    return StoredDocument(document.path, document.blob_sha, document.job, None, None, None)


def _stored_page(document: str, page: PageResult) -> StoredPage:
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
        master=page.tsv,
    )


def _page_result(page: StoredPage) -> PageResult:
    return PageResult(
        page_number=page.page_number,
        status="succeeded",
        source=cast("PageSource", page.source),
        text=page.text,
        tsv=page.master,
        mean_confidence=page.mean_confidence,
        low_confidence=page.low_confidence,
        weak_word_share=page.weak_word_share,
        word_count=page.word_count,
        duration_ms=page.duration_ms,
        error=page.error,
    )
