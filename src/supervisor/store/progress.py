"""Rows of `run_progress`: how far each run is. They are for those who watch; nothing is decided by them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from operator import add
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from supervisor.model.states import RunStatus
from supervisor.store.engine import is_postgres
from supervisor.store.tables import run_progress, runs


@dataclass(frozen=True)
class ProgressCounts:
    """How far a run is, or several are.

    Attributes:
        documents_opened: How many documents have told their pages.
        documents_done: How many are finished, failed ones included.
        pages: Of the documents that were opened; those below are finished, by source, else by status.
    """

    documents: int = 0
    documents_opened: int = 0
    documents_done: int = 0
    documents_failed: int = 0
    pages: int = 0
    pages_ocr: int = 0
    pages_text_layer: int = 0
    pages_cache: int = 0
    pages_blank: int = 0
    pages_skipped: int = 0
    pages_failed: int = 0

    @property
    def pages_done(self) -> int:
        """How many are finished, however."""
        read = self.pages_ocr + self.pages_text_layer + self.pages_cache + self.pages_blank
        return read + self.pages_skipped + self.pages_failed

    def __add__(self, other: "ProgressCounts") -> "ProgressCounts":
        """Return how far two are together."""
        return ProgressCounts(*map(add, vars(self).values(), vars(other).values()))


PROGRESS_COLUMNS = [run_progress.c[field.name] for field in fields(ProgressCounts)]
"""What a query selects to count, in the order of the fields of `ProgressCounts`."""
DONE = (
    run_progress.c.pages_ocr
    + run_progress.c.pages_text_layer
    + run_progress.c.pages_cache
    + run_progress.c.pages_blank
    + run_progress.c.pages_skipped
    + run_progress.c.pages_failed
)
"""How many pages of a run are finished, however."""

STAGE = sa.case(
    # Where a function of the database claims runs, nobody notes it there.
    ((runs.c.status == RunStatus.RUNNING) & (run_progress.c.updated_at < runs.c.claimed_at), "claimed"),
    else_=sa.func.coalesce(run_progress.c.stage, runs.c.status),
)
"""What a run is busy with, or what happened to it last; its state, if it was queued by hand."""


def begin(connection: Connection, run: int, spec: object, *, at: datetime) -> None:
    """Make the row of a run that is queued.

    Args:
        connection: In the transaction that makes the run.
        run: Its row.
        spec: What it has to do, as it is stored; what another program has written may be anything.
        at: Now.
    """
    documents = spec.get("documents") if isinstance(spec, Mapping) else None
    values = {"run": run, "stage": RunStatus.QUEUED, "documents": _length(documents), "updated_at": at}
    connection.execute(sa.insert(run_progress).values(values))


def note_stage(connection: Connection, run: int, stage: str, *, at: datetime) -> None:
    """Note what has happened to a run, whose row the caller has changed."""
    connection.execute(sa.update(run_progress).where(run_progress.c.run == run).values(stage=stage, updated_at=at))


def keep(
    connection: Connection, run: int, lease_term: int, stage: str, counts: ProgressCounts, *, at: datetime
) -> bool:
    """Note how far a run is, while it is running under this term.

    The row of the run is not locked for it, which others wait for. Whoever changes that notes the stage in the same
    transaction: what has happened before we have this row is seen, and what comes later is written over ours.

    Returns:
        Whether it is noted.
    """
    values: dict[str, Any] = {"stage": stage, **vars(counts), "updated_at": at}
    is_current = (runs.c.id == run) & (runs.c.status == RunStatus.RUNNING) & (runs.c.lease_term == lease_term)
    mine = run_progress.c.run == run
    if connection.scalar(sa.select(run_progress.c.run).where(mine).with_for_update()) is not None:
        changed = sa.update(run_progress).where(mine, sa.exists().where(is_current)).values(values)
        return connection.execute(changed).rowcount == 1
    # Whoever queued it by hand made no row for its progress.
    if connection.scalar(sa.select(runs.c.id).where(is_current)) is None:
        return False
    # Two may find that out at one moment, who both hold the run.
    insert = postgresql.insert if is_postgres(connection) else sqlite.insert
    added = insert(run_progress).values(run=run, **values).on_conflict_do_nothing()
    return connection.execute(added).rowcount == 1


def _length(documents: object) -> int:
    return len(documents) if isinstance(documents, list | tuple) else 0
