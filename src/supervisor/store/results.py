"""Documents and pages of one attempt: written by its executor under the fence of its lease term, read by everybody."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.model.states import ResultStatus
from supervisor.store.engine import checkpoint, open_engine, transaction
from supervisor.store.schema import prepare_results
from supervisor.store.tables import documents, lease, pages


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

    A run with a database of its own has the current lease term in that database, so that the fence holds where the
    result is written. Raising the term and every write that names it exclude each other.
    """

    def __init__(self, url: str) -> None:
        self._engine: Engine = open_engine(url)
        prepare_results(self._engine)

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()

    def take_over(self, key: AttemptKey, owner: str) -> bool:
        """Let only this term of this attempt write from now on.

        The caller holds the run lock, so nobody else writes at this moment. What stands under the attempt's number but
        came from another owner is left from a control database that was deleted: it goes, whatever its term.

        Args:
            key: The attempt, and the term that it is claimed under.
            owner: Names the row of `runs`, across control databases.

        Returns:
            Whether the attempt begins; False if it goes on after an interruption.
        """
        with transaction(self._engine) as connection:
            fresh = connection.scalar(sa.select(lease.c.owner)) != owner
            if fresh:
                connection.execute(sa.delete(pages).where(*_of(pages, key)))
                connection.execute(sa.delete(documents).where(*_of(documents, key)))
            connection.execute(sa.delete(lease))
            connection.execute(sa.insert(lease).values(term=key.lease_term, owner=owner))
            return fresh

    def begin(self, key: AttemptKey, rows: Sequence[StoredDocument]) -> None:
        """Make the rows of an attempt's documents; those of an attempt that goes on are kept.

        Raises:
            FencedOut: The term is not the current one.
        """
        values = [{**vars(row), **_attempt(key)} for row in rows]
        with self._fenced(key) as connection:
            known = set(connection.scalars(sa.select(documents.c.path).where(*_of(documents, key))))
            missing = [value for value in values if value["path"] not in known]
            if missing:
                connection.execute(sa.insert(documents), missing)

    def store_page(self, key: AttemptKey, page: StoredPage) -> None:
        """Store a page of the attempt, in place of an earlier failure of it.

        Raises:
            FencedOut: The term is not the current one.
        """
        same = (pages.c.document == page.document, pages.c.page_number == page.page_number)
        values = {**vars(page), **_attempt(key), "master": zlib.compress(page.master.encode(), 6)}
        with self._fenced(key) as connection:
            connection.execute(sa.delete(pages).where(*_of(pages, key), *same))
            connection.execute(sa.insert(pages).values(values))

    def finish_document(
        self, key: AttemptKey, path: str, status: ResultStatus, page_count: int | None, error: str | None
    ) -> None:
        """Store how a document of the attempt ended.

        Raises:
            FencedOut: The term is not the current one.
        """
        values = {"status": status, "page_count": page_count, "error": error}
        with self._fenced(key) as connection:
            connection.execute(
                sa.update(documents).where(*_of(documents, key), documents.c.path == path).values(values)
            )

    def finished_pages(self, key: AttemptKey) -> dict[str, list[StoredPage]]:
        """Return the pages that the attempt has already, by document: what an earlier term of it succeeded in."""
        query = (
            sa.select(pages)
            .where(*_of(pages, key), pages.c.status == ResultStatus.SUCCEEDED)
            .order_by(pages.c.page_number)
        )
        found: dict[str, list[StoredPage]] = {}
        with transaction(self._engine) as connection:
            for row in connection.execute(query).mappings():
                fields = {name: row[name] for name in StoredPage.__dataclass_fields__}
                fields["master"] = zlib.decompress(row["master"]).decode()
                found.setdefault(row["document"], []).append(StoredPage(**fields))
        return found

    def documents(self, run: int, attempt: int) -> list[StoredDocument]:
        """Return the documents of an attempt by path."""
        query = (
            sa.select(documents)
            .where(documents.c.run == run, documents.c.attempt == attempt)
            .order_by(documents.c.path)
        )
        names = StoredDocument.__dataclass_fields__
        with transaction(self._engine) as connection:
            return [
                StoredDocument(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()
            ]

    def tally(self, run: int, attempt: int) -> PageTally:
        """Count the pages of an attempt."""
        query = (
            sa.select(pages.c.status, pages.c.source, sa.func.count())
            .where(pages.c.run == run, pages.c.attempt == attempt)
            .group_by(pages.c.status, pages.c.source)
        )
        counts: dict[str, int] = {}
        with transaction(self._engine) as connection:
            for status, source, count in connection.execute(query):
                name = source if status == ResultStatus.SUCCEEDED else status
                counts[name] = counts.get(name, 0) + count
        names = (name for name in PageTally.__dataclass_fields__ if name != "total")
        return PageTally(total=sum(counts.values()), **{name: counts.get(name, 0) for name in names})

    def checkpoint(self) -> None:
        """Bring everything into the database file itself."""
        checkpoint(self._engine)

    @contextmanager
    def _fenced(self, key: AttemptKey) -> Iterator[Connection]:
        with transaction(self._engine) as connection:
            if connection.scalar(sa.select(lease.c.term)) != key.lease_term:
                raise FencedOut
            yield connection


def _attempt(key: AttemptKey) -> dict[str, object]:
    return {"run": key.run, "run_id": key.run_id, "attempt": key.attempt}


def _of(table: sa.Table, key: AttemptKey) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.run == key.run, table.c.attempt == key.attempt
