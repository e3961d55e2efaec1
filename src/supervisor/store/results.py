"""Documents and pages of one attempt: written by its executor under the fence of its lease term, read by everybody."""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from supervisor.model.states import ResultStatus, RunStatus
from supervisor.model.weakness import WEAK_PAGE_SHARE
from supervisor.store.engine import is_postgres, open_engine, patiently, transaction
from supervisor.store.schema import prepare_results
from supervisor.store.tables import documents, lease, pages, runs

T = TypeVar("T")


_TALLIED = ("ocr", "text_layer", "cache", "blank", "failed", "skipped")


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
    """A row of `pages`; `master` is the page's hOCR."""

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
    page_key: str | None
    because: str | None
    master: str


@dataclass(frozen=True)
class PageTally:
    """How many pages of an attempt there are by source, else by status.

    Attributes:
        weak: How many of them are weak, wherever they are from; see `model.weakness`.
        because: How many had to be recognised, by the reason.
    """

    total: int = 0
    ocr: int = 0
    text_layer: int = 0
    cache: int = 0
    blank: int = 0
    failed: int = 0
    skipped: int = 0
    weak: int = 0
    because: Mapping[str, int] = field(default_factory=dict)

    def by_source(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {name: getattr(self, name) for name in _TALLIED}


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

    def store(self, key: AttemptKey, page_rows: Sequence[StoredPage], document_rows: Sequence[StoredDocument]) -> None:
        """Store pages and documents of the attempt together, in place of what stands there under their names.

        Raises:
            FencedOut: The term is not the current one.
        """
        attempt = _attempt(key)
        page_values = [{**vars(row), **attempt, "master": _packed(row.master)} for row in page_rows]
        document_values = [{**vars(row), **attempt} for row in document_rows]

        def put(connection: Connection) -> None:
            _put(connection, pages, page_values)
            _put(connection, documents, document_values)

        self._apply(put, key)

    def finished_pages(
        self, key: AttemptKey, paths: Sequence[str], *, failed_too: bool = False
    ) -> dict[str, list[StoredPage]]:
        """Return the pages that the attempt has already of some documents: what an earlier term of it succeeded in."""
        kinds = {ResultStatus.SUCCEEDED, *([ResultStatus.FAILED] if failed_too else [])}
        query = (
            sa.select(pages)
            .where(*_of(pages, key), pages.c.status.in_(kinds), pages.c.document.in_(paths))
            .order_by(pages.c.page_number)
        )
        found: dict[str, list[StoredPage]] = {}
        for row in self._apply(lambda connection: connection.execute(query).mappings().all()):
            fields = {name: row[name] for name in StoredPage.__dataclass_fields__}
            fields["master"] = zlib.decompress(row["master"]).decode()
            found.setdefault(row["document"], []).append(StoredPage(**fields))
        return found

    def read(self, query: Callable[[Connection], T]) -> T:
        """Return what a query of `quality` gives."""
        return self._apply(query)

    def documents(self, run: int, attempt: int) -> list[StoredDocument]:
        """Return the documents of an attempt by path."""
        query = sa.select(documents).where(documents.c.run == run, documents.c.attempt == attempt)
        names = StoredDocument.__dataclass_fields__
        rows = self._apply(lambda connection: connection.execute(query).mappings().all())
        # Not sorted by the database: its order depends on the language that it was set up for.
        return sorted((StoredDocument(**{name: row[name] for name in names}) for row in rows), key=lambda row: row.path)

    def tally(self, run: int, attempt: int) -> PageTally:
        """Count the pages of an attempt."""
        weak = sa.func.count(sa.case((pages.c.weak_word_share >= WEAK_PAGE_SHARE, 1)))
        query = (
            sa.select(pages.c.status, pages.c.source, pages.c.because, sa.func.count(), weak)
            .where(pages.c.run == run, pages.c.attempt == attempt)
            .group_by(pages.c.status, pages.c.source, pages.c.because)
        )
        counts: Counter[str] = Counter()
        because: Counter[str] = Counter()
        weak_pages = 0
        for status, source, reason, count, weak_count in self._apply(
            lambda connection: connection.execute(query).all()
        ):
            counts[source if status == ResultStatus.SUCCEEDED else status] += count
            weak_pages += weak_count
            if reason:
                because[reason] += count
        tallied = {name: counts[name] for name in _TALLIED}
        return PageTally(total=counts.total(), **tallied, weak=weak_pages, because=dict(because))

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


def _put(connection: Connection, table: sa.Table, values: Sequence[Mapping[str, object]]) -> None:
    """Insert rows, or replace those that have their primary keys."""
    if not values:
        return
    insert = (postgresql.insert if is_postgres(connection) else sqlite.insert)(table)
    new = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    connection.execute(insert.on_conflict_do_update(index_elements=table.primary_key, set_=new), values)


@lru_cache(maxsize=256)
def _packed(master: str) -> bytes:
    # Many documents of an archive have the same page.
    return zlib.compress(master.encode(), 1)


def _attempt(key: AttemptKey) -> dict[str, object]:
    return {"run": key.run, "run_id": key.run_id, "attempt": key.attempt}


def _of(table: sa.Table, key: AttemptKey) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.run == key.run, table.c.attempt == key.attempt
