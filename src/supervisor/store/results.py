"""Documents and pages of one attempt: written by its executor under the fence of its lease term, read by everybody."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.model.states import ResultStatus, RunStatus
from supervisor.store.engine import checkpoint, open_engine, patiently, transaction
from supervisor.store.schema import prepare_results
from supervisor.store.tables import documents, lease, pages, runs

T = TypeVar("T")


class FencedOut(Exception):  # noqa: N818 (it says what happened)
    """The run was claimed anew: whoever holds the older term writes nothing more."""


@dataclass(frozen=True)
class AttemptKey:
    """One attempt at a run, under one lease term."""

    run: int
    run_id: str
    attempt: int
    lease_term: int


@dataclass(frozen=True)
class StoredDocument:
    """A row of `documents`; `status` is None until the document is finished."""

    path: str
    blob_sha: str
    job: str
    status: ResultStatus | None
    page_count: int | None
    error: str | None


@dataclass(frozen=True)
class StoredPage:
    """A row of `pages`, with the recogniser's own result in `master`."""

    document: str
    page_number: int
    status: ResultStatus
    source: str | None
    text: str
    mean_confidence: float | None
    low_confidence: float | None
    weak_word_share: float | None
    word_count: int
    duration_ms: int
    error: str | None
    master: str


@dataclass(frozen=True)
class PageTally:
    """How many pages of an attempt there are by status and source."""

    total: int
    ocr: int
    text_layer: int
    cache: int
    blank: int
    failed: int
    skipped: int


class ResultStore:
    """The results of one run.

    The fence holds where the result is written: a run with a database of its own has the current lease term in that
    database, elsewhere the row of `runs` has it. Raising the term and every write that names it exclude each other.

    While the database is unavailable, every call tries again for as long as `patience_seconds`. All of them can be made
    twice.
    """

    def __init__(self, url: str, *, shared: bool, patience_seconds: float = 0) -> None:
        """Open it, with its tables up to date.

        Args:
            url: Of the database.
            shared: Whether it is the control database, too.
            patience_seconds: How long a call may take while the database is unavailable.

        Raises:
            DatabaseError: It cannot be reached.
        """
        self._engine: Engine = open_engine(url, connections=1)
        self._shared = shared
        self._patience_seconds = patience_seconds
        for attempt in patiently(patience_seconds):
            with attempt:
                prepare_results(self._engine)

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()

    def take_over(self, key: AttemptKey, owner: str) -> bool:
        """Let only this term of this attempt write from now on.

        The caller holds the run lock, so nobody else writes at this moment. What stands under the attempt's number but
        came from another owner is left from a control database that was deleted: it goes, whatever its term. Where the
        row of `runs` is the fence, claiming has raised it already.

        Args:
            key: The attempt, and the term that it is claimed under.
            owner: Names the row of `runs`, across control databases.

        Returns:
            Whether the attempt begins; False if it goes on after an interruption.
        """
        if self._shared:
            return self._apply(lambda connection: not _known_documents(connection, key), key)
        return self._apply(lambda connection: _raise_term(connection, key, owner))

    def begin(self, key: AttemptKey, rows: Sequence[StoredDocument]) -> None:
        """Make the rows of an attempt's documents; those of an attempt that goes on are kept.

        Raises:
            FencedOut: The term is not the current one.
        """
        values = [{**vars(row), **_attempt(key)} for row in rows]

        def add_missing(connection: Connection) -> None:
            known = _known_documents(connection, key)
            missing = [value for value in values if value["path"] not in known]
            if missing:
                connection.execute(sa.insert(documents), missing)

        self._apply(add_missing, key)

    def store_page(self, key: AttemptKey, page: StoredPage) -> None:
        """Store a page of the attempt, in place of an earlier failure of it.

        Raises:
            FencedOut: The term is not the current one.
        """
        same = (pages.c.document == page.document, pages.c.page_number == page.page_number)
        values = {**vars(page), **_attempt(key), "master": zlib.compress(page.master.encode(), 6)}

        def replace(connection: Connection) -> None:
            connection.execute(sa.delete(pages).where(*_of(pages, key), *same))
            connection.execute(sa.insert(pages).values(values))

        self._apply(replace, key)

    def finish_document(
        self, key: AttemptKey, path: str, status: ResultStatus, page_count: int | None, error: str | None
    ) -> None:
        """Store how a document of the attempt ended.

        Raises:
            FencedOut: The term is not the current one.
        """
        values = {"status": status, "page_count": page_count, "error": error}
        finish = sa.update(documents).where(*_of(documents, key), documents.c.path == path).values(values)
        self._apply(lambda connection: connection.execute(finish), key)

    def finished_pages(self, key: AttemptKey) -> dict[str, list[StoredPage]]:
        """Return the pages that the attempt has already, by document: what an earlier term of it succeeded in."""
        query = (
            sa.select(pages)
            .where(*_of(pages, key), pages.c.status == ResultStatus.SUCCEEDED)
            .order_by(pages.c.page_number)
        )
        found: dict[str, list[StoredPage]] = {}
        for row in self._apply(lambda connection: connection.execute(query).mappings().all()):
            fields = {name: row[name] for name in StoredPage.__dataclass_fields__}
            fields["master"] = zlib.decompress(row["master"]).decode()
            found.setdefault(row["document"], []).append(StoredPage(**fields))
        return found

    def documents(self, run: int, attempt: int) -> list[StoredDocument]:
        """Return the documents of an attempt by path."""
        query = sa.select(documents).where(documents.c.run == run, documents.c.attempt == attempt)
        names = StoredDocument.__dataclass_fields__
        rows = self._apply(lambda connection: connection.execute(query).mappings().all())
        # Not sorted by the database: its order depends on the language that it was set up for.
        return sorted((StoredDocument(**{name: row[name] for name in names}) for row in rows), key=lambda row: row.path)

    def tally(self, run: int, attempt: int) -> PageTally:
        """Count the pages of an attempt."""
        query = (
            sa.select(pages.c.status, pages.c.source, sa.func.count())
            .where(pages.c.run == run, pages.c.attempt == attempt)
            .group_by(pages.c.status, pages.c.source)
        )
        counts: dict[str, int] = {}
        for status, source, count in self._apply(lambda connection: connection.execute(query).all()):
            name = source if status == ResultStatus.SUCCEEDED else status
            counts[name] = counts.get(name, 0) + count
        names = (name for name in PageTally.__dataclass_fields__ if name != "total")
        return PageTally(total=sum(counts.values()), **{name: counts.get(name, 0) for name in names})

    def checkpoint(self) -> None:
        """Bring everything into the file of a run that has one for itself."""
        if not self._shared:
            checkpoint(self._engine)

    def _apply(self, change: Callable[[Connection], T], key: AttemptKey | None = None) -> T:
        """Return what a transaction gives, which is made again while the database is unavailable.

        Args:
            change: Its content.
            key: Whose term must be current for it; None for no matter whose.

        Raises:
            FencedOut: It is not.
        """
        for attempt in patiently(self._patience_seconds):
            with attempt, transaction(self._engine) as connection:
                if key is not None:
                    self._check_fence(connection, key)
                result = change(connection)
        return result

    def _check_fence(self, connection: Connection, key: AttemptKey) -> None:
        if not self._shared:
            current = connection.scalar(sa.select(lease.c.term)) == key.lease_term
        else:
            # The lock lets others beat for the run only after we have committed, and others end or rescue it, too.
            held = sa.select(runs.c.id).where(
                runs.c.id == key.run, runs.c.status == RunStatus.RUNNING, runs.c.lease_term == key.lease_term
            )
            current = connection.scalar(held.with_for_update(read=True)) is not None
        if not current:
            raise FencedOut


def _raise_term(connection: Connection, key: AttemptKey, owner: str) -> bool:
    # A run that is tried again is the same row's, and has nothing under its new number yet.
    fresh = connection.scalar(sa.select(lease.c.owner)) != owner or not _known_documents(connection, key)
    if fresh:
        connection.execute(sa.delete(pages).where(*_of(pages, key)))
        connection.execute(sa.delete(documents).where(*_of(documents, key)))
    connection.execute(sa.delete(lease))
    connection.execute(sa.insert(lease).values(term=key.lease_term, owner=owner))
    return fresh


def _known_documents(connection: Connection, key: AttemptKey) -> set[str]:
    return set(connection.scalars(sa.select(documents.c.path).where(*_of(documents, key))))


def _attempt(key: AttemptKey) -> dict[str, object]:
    return {"run": key.run, "run_id": key.run_id, "attempt": key.attempt}


def _of(table: sa.Table, key: AttemptKey) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.run == key.run, table.c.attempt == key.attempt
