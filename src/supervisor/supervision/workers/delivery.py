"""Keeping what a program delivers for its task: files are staged, rows stored under the fence of its lease term."""

import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from supervisor.board.progress import RunProgress
from supervisor.errors import UsageError
from supervisor.executor.rows import page_result, stored_page
from supervisor.executor.spec import RunSpec, SpecDocument
from supervisor.model.near import near_hint
from supervisor.model.paths import printable
from supervisor.model.states import ResultStatus
from supervisor.ocr.formats.outputs import assemble, write_outputs
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.results import PageResult
from supervisor.room import needing_room
from supervisor.store import progress
from supervisor.store.engine import transaction
from supervisor.store.results import AttemptKey, FencedOut, ResultStore, StoredDocument, StoredPage
from supervisor.store.runs import RunRow
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.keeper import counts_of
from supervisor.supervision.provision import patience
from supervisor.supervision.workers.results import DeliveredDocument, page_of
from supervisor.supervision.workers.task import TaskDocument, stale
from supervisor.supervision.workshop import Workshop

STAGE = "recognising"
# Making files of pages is not thread-safe.
_assembling = threading.Lock()


def begin(shop: Workshop, assignment: Assignment) -> list[TaskDocument]:
    """Make the rows of a task's documents and the folder for its files; return what there is to do.

    Raises:
        FencedOut: The run is another's by now.
        SupervisorError: The database, or the disk, cannot be used.
    """
    row, workspace = assignment.row, assignment.provisioned.result()
    spec, key = RunSpec.from_json(row.spec), _key(row)
    with _results(shop, row) as store:
        new = [StoredDocument(one.path, one.blob_sha, one.job, None, None, None) for one in spec.documents]
        store.begin(key, new)
        done = store.finished_numbers(key)
        documents, tally = store.documents(row.id, row.attempt), store.tally(row.id, row.attempt)
        succeeded = {one.path for one in documents if one.status == ResultStatus.SUCCEEDED}
        staged = shop.runs_directory.run(row.run_id).staging(row.lease_term) / "output"
        with needing_room(staged):
            staged.mkdir(parents=True, exist_ok=True)
        # The files of an earlier term are gone.
        for one in spec.documents:
            if one.path in succeeded:
                pages = store.finished_pages(key, [one.path]).get(one.path, ())
                _stage(shop, row, one, spec.job(one.job), [page_result(page) for page in pages])
    _show(
        shop,
        assignment,
        replace(
            assignment.progress,
            stage=STAGE,
            documents=len(documents),
            documents_opened=sum(one.page_count is not None for one in documents),
            documents_done=sum(one.status is not None for one in documents),
            documents_failed=sum(one.status == ResultStatus.FAILED for one in documents),
            pages=tally.total,
            pages_done=tally.by_source(),
            because=tally.because,
        ),
    )
    return [
        TaskDocument(
            path=one.path,
            file=workspace / os.fsdecode(one.path_bytes),
            job=spec.job(one.job),
            pages_done=done.get(one.path, ()),
            is_done=one.path in succeeded,
        )
        for one in spec.documents
    ]


def deliver(shop: Workshop, assignment: Assignment, documents: Sequence[DeliveredDocument]) -> None:
    """Keep pages, and make the files of documents that are finished.

    Raises:
        UsageError: The task has no such document.
        StaleTaskError: The run is another's by now; nothing was stored.
    """
    row = assignment.row
    spec, key = RunSpec.from_json(row.spec), _key(row)
    known = {one.path: one for one in spec.documents}
    for document in documents:
        if document.path not in known:
            hint = near_hint(document.path, list(known), none="it has none")
            raise UsageError(f"run {row.run_id!r} has no document {printable(document.path)!r}", hint=hint)
    page_rows: list[StoredPage] = []
    document_rows: list[StoredDocument] = []
    with _results(shop, row) as store:
        stored = store.finished_pages(key, [one.path for one in documents])
        for document in documents:
            new = {page.page_number: page_of(document.path, page) for page in document.pages}
            page_rows += [stored_page(document.path, page) for page in new.values()]
            if document.is_finished:
                old = {page.page_number: page_result(page) for page in stored.get(document.path, ())}
                pages = [page for _, page in sorted({**old, **new}.items())]
                if not pages and document.error is None:
                    raise UsageError(f"document {printable(document.path)} has neither pages nor an error")
                job = spec.job(known[document.path].job)
                _stage(shop, row, known[document.path], job, pages)
                document_rows.append(_finished(known[document.path], document, pages))
        _store(store, row, page_rows, document_rows)
    known_pages = {(page.document, page.page_number) for some in stored.values() for page in some}
    fresh = [page for page in page_rows if (page.document, page.page_number) not in known_pages]
    _show(shop, assignment, _advanced(assignment.progress, fresh, document_rows))


def leave_out(shop: Workshop, assignment: Assignment) -> list[StoredDocument]:
    """Call what the worker has delivered nothing of skipped; return how all documents of its task stand.

    Raises:
        StaleTaskError: The run is another's by now.
    """
    row = assignment.row
    with _results(shop, row) as store:
        found = store.documents(row.id, row.attempt)
        reason = f"worker {assignment.worker_id} delivered nothing of it"
        rest = [replace(one, status=ResultStatus.SKIPPED, error=reason) for one in found if one.status is None]
        _store(store, row, [], rest)
        return store.documents(row.id, row.attempt)


def _stage(shop: Workshop, row: RunRow, document: SpecDocument, job: Job, pages: Sequence[PageResult]) -> None:
    if not pages:
        return
    directory = shop.runs_directory.run(row.run_id)
    staged, name = directory.staging(row.lease_term) / "output", os.fsdecode(document.path_bytes)
    with _assembling, needing_room(staged):
        outputs = assemble(document.path, pages, job.formats)
        write_outputs(staged, name, outputs, earlier_dir=directory.output)


def _finished(document: SpecDocument, delivered: DeliveredDocument, pages: Sequence[PageResult]) -> StoredDocument:
    failed = [f"page {page.page_number}: {page.error}" for page in pages if page.status == "failed"]
    error = delivered.error or next(iter(failed), None)
    status = ResultStatus.SUCCEEDED if error is None else ResultStatus.FAILED
    return StoredDocument(document.path, document.blob_sha, document.job, status, len(pages) or None, error)


def _store(store: ResultStore, row: RunRow, pages: Sequence[StoredPage], documents: Sequence[StoredDocument]) -> None:
    try:
        store.store(_key(row), pages, documents)
    except FencedOut as error:
        raise stale(row) from error


def _advanced(known: RunProgress, pages: Sequence[StoredPage], documents: Sequence[StoredDocument]) -> RunProgress:
    return replace(
        known,
        documents_opened=known.documents_opened + len(documents),
        documents_done=known.documents_done + len(documents),
        documents_failed=known.documents_failed + sum(one.status == ResultStatus.FAILED for one in documents),
        pages=known.pages + len(pages),
        pages_done=Counter(known.pages_done) + Counter(page.source or str(page.status) for page in pages),
    )


def _show(shop: Workshop, assignment: Assignment, now: RunProgress) -> None:
    """Tell those who watch how far a task is."""
    assignment.progress = now
    row = assignment.row
    with transaction(shop.engine) as connection:
        progress.keep(connection, row.id, row.lease_term, now.stage, counts_of(now), at=shop.now(connection))


def _key(row: RunRow) -> AttemptKey:
    return AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)


@contextmanager
def _results(shop: Workshop, row: RunRow) -> Iterator[ResultStore]:
    store = shop.databases.open_results(row.run_id, patience_seconds=patience(shop.me.lease_seconds))
    try:
        yield store
    finally:
        store.close()
