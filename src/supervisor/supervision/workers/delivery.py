"""Keeping what a program delivers for its task: files are staged, rows stored under the fence of its lease term."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from supervisor.errors import UsageError
from supervisor.executor.rows import page_result, stored_page
from supervisor.executor.spec import RunSpec, SpecDocument
from supervisor.model.near import near_hint
from supervisor.model.paths import printable
from supervisor.model.states import ResultStatus
from supervisor.ocr.formats.outputs import assemble, write_outputs
from supervisor.ocr.results import PageResult
from supervisor.room import needing_room
from supervisor.store import progress, reading
from supervisor.store.engine import transaction
from supervisor.store.results import AttemptKey, FencedOut, ResultStore, StoredDocument, StoredPage
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.keeper import counts_of
from supervisor.supervision.provision import patience
from supervisor.supervision.workers.results import DeliveredDocument, page_of
from supervisor.supervision.workers.task import TaskDocument, stale
from supervisor.supervision.workshop import Workshop

# Making files of pages is not thread-safe.
_assembling = threading.Lock()


class Delivery:
    """What is delivered for one task.

    Attributes:
        output: The folder of its files, until they are published.
    """

    def __init__(self, shop: Workshop, assignment: Assignment) -> None:
        """Take in what is to be done; nothing is written yet."""
        row = assignment.row
        directory = shop.runs_directory.run(row.run_id)
        self.output: Path = directory.staging(row.lease_term) / "output"
        self._published = directory.output
        self._shop = shop
        self._assignment = assignment
        self._row = row
        self._key = AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)
        self._spec = RunSpec.from_json(row.spec)
        self._known = {one.path: one for one in self._spec.documents}

    def begin(self, workspace: Path) -> list[TaskDocument]:
        """Make the rows of the documents and the folder for the files; return what there is to do.

        What was finished under an earlier term is staged again: its files were dropped with that.

        Args:
            workspace: Where the documents are.

        Raises:
            FencedOut: The run is another's by now.
            SupervisorError: The database, or the disk, cannot be used.
        """
        with needing_room(self.output):
            self.output.mkdir(parents=True, exist_ok=True)
        new = [StoredDocument(one.path, one.blob_sha, one.job, None, None, None) for one in self._spec.documents]
        with self._results() as store:
            store.begin(self._key, new)
            run, attempt = self._row.id, self._row.attempt
            done = store.read(lambda connection: reading.finished_numbers(connection, run, attempt))
            succeeded = {one.path for one in self._count(store) if one.status == ResultStatus.SUCCEEDED}
            for path in succeeded:
                pages = store.finished_pages(self._key, [path]).get(path, ())
                self._stage(self._known[path], [page_result(page) for page in pages])
        return [
            TaskDocument(
                path=one.path,
                file=workspace / os.fsdecode(one.path_bytes),
                job=self._spec.job(one.job),
                pages_done=done.get(one.path, ()),
                is_done=one.path in succeeded,
            )
            for one in self._spec.documents
        ]

    def take_in(self, documents: Sequence[DeliveredDocument]) -> None:
        """Keep pages, and make the files of documents that are finished.

        Raises:
            UsageError: The task has no such document.
            StaleTaskError: The run is another's by now; nothing was stored.
        """
        for document in documents:
            if document.path not in self._known:
                hint = near_hint(document.path, list(self._known), none="it has none")
                name = printable(document.path)
                raise UsageError(f"run {self._row.run_id!r} has no document {name!r}", hint=hint)
        # All of it is read before anything is kept of it.
        read = {one.path: {page.page_number: page_of(one.path, page) for page in one.pages} for one in documents}
        with self._results() as store:
            stored = store.finished_pages(self._key, list(read), failed_too=True)
            finished: list[tuple[DeliveredDocument, list[PageResult]]] = []
            for document in documents:
                if document.is_finished:
                    old = {page.page_number: page_result(page) for page in stored.get(document.path, ())}
                    pages = [page for _, page in sorted({**old, **read[document.path]}.items())]
                    if not pages and document.error is None:
                        name = printable(document.path)
                        raise UsageError(f"document {name} has neither pages nor an error")
                    finished.append((document, pages))
            rows = [stored_page(path, page) for path, pages in read.items() for page in pages.values()]
            self._store(store, rows, [self._finish(document, pages) for document, pages in finished])
            self._count(store)

    def leave_out(self) -> list[StoredDocument]:
        """Call what the worker has delivered nothing of skipped; return how all documents of its task stand.

        Raises:
            StaleTaskError: The run is another's by now.
        """
        with self._results() as store:
            found = store.documents(self._row.id, self._row.attempt)
            reason = f"worker {self._assignment.worker_id} delivered nothing of it"
            rest = [replace(one, status=ResultStatus.SKIPPED, error=reason) for one in found if one.status is None]
            self._store(store, [], rest)
            return self._count(store)

    def _finish(self, delivered: DeliveredDocument, pages: Sequence[PageResult]) -> StoredDocument:
        document = self._known[delivered.path]
        self._stage(document, pages)
        failed = [f"page {page.page_number}: {page.error}" for page in pages if page.status == "failed"]
        error = delivered.error or next(iter(failed), None)
        status = ResultStatus.SUCCEEDED if error is None else ResultStatus.FAILED
        return StoredDocument(document.path, document.blob_sha, document.job, status, len(pages) or None, error)

    def _stage(self, document: SpecDocument, pages: Sequence[PageResult]) -> None:
        if not pages:
            return
        name, formats = os.fsdecode(document.path_bytes), self._spec.job(document.job).formats
        with _assembling, needing_room(self.output):
            outputs = assemble(document.path, pages, formats)
            write_outputs(self.output, name, outputs, earlier_dir=self._published)

    def _store(self, store: ResultStore, pages: Sequence[StoredPage], documents: Sequence[StoredDocument]) -> None:
        try:
            store.store(self._key, pages, documents)
        except FencedOut as error:
            raise stale(self._row) from error

    def _count(self, store: ResultStore) -> list[StoredDocument]:
        """Tell those who watch how far the task is, by what is stored; return how its documents stand."""
        row = self._row
        found, tally = store.documents(row.id, row.attempt), store.tally(row.id, row.attempt)
        self._assignment.progress = now = replace(
            self._assignment.progress,
            stage="recognising",
            documents=len(found),
            documents_opened=sum(one.page_count is not None or one.status is not None for one in found),
            documents_done=sum(one.status is not None for one in found),
            documents_failed=sum(one.status == ResultStatus.FAILED for one in found),
            pages=tally.total,
            pages_done=tally.by_source(),
            because=tally.because,
        )
        with transaction(self._shop.engine) as connection:
            at = self._shop.now(connection)
            progress.keep(connection, row.id, row.lease_term, now.stage, counts_of(now), at=at)
        return found

    @contextmanager
    def _results(self) -> Iterator[ResultStore]:
        wait = patience(self._shop.me.lease_seconds)
        store = self._shop.databases.open_results(self._row.run_id, patience_seconds=wait)
        try:
            yield store
        finally:
            store.close()
