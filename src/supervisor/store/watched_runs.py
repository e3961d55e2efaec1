"""Runs and how far they are, for those who watch; each function is one query."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store.progress import PROGRESS_COLUMNS, STAGE, ProgressCounts
from supervisor.store.runs import HEAD_COLUMNS, RunHead, run_head
from supervisor.store.tables import run_progress, runs, sessions

_WITH_PROGRESS = runs.outerjoin(run_progress, run_progress.c.run == runs.c.id)
# Who queued a run by hand made no row for its progress.
_COUNTS = [sa.func.coalesce(column, 0).label(column.name) for column in PROGRESS_COLUMNS]
# In the order of the fields of `RunningRun`.
_FACTS = [runs.c.id, runs.c.run_id, runs.c.session_id, runs.c.lane, runs.c.claimed_at, run_progress.c.updated_at]
_RUNNING = sa.select(*_FACTS, *_COUNTS).select_from(_WITH_PROGRESS).where(runs.c.status == RunStatus.RUNNING)


class RunningRun(NamedTuple):
    """A run that executes.

    Attributes:
        updated_at: When `counts` were noted; None if nobody ever did.
    """

    row: int
    run_id: str
    session_id: str
    lane: str | None
    claimed_at: datetime | None
    updated_at: datetime | None
    counts: ProgressCounts


@dataclass(frozen=True)
class WatchedRun:
    """A run in all detail, and how far it is."""

    head: RunHead
    session: SessionStatus
    stage: str
    counts: ProgressCounts


def running(connection: Connection, repository: str) -> list[RunningRun]:
    """Return the runs of a repository that execute, oldest first."""
    # Ordered by the database, SQLite would look at all runs for it.
    rows = connection.execute(_RUNNING.where(runs.c.repository == repository)).all()
    return sorted(RunningRun._make([*row[: len(_FACTS)], ProgressCounts(*row[len(_FACTS) :])]) for row in rows)


def of_session(connection: Connection, repository: str, session_id: str) -> list[WatchedRun]:
    """Return the runs of a session, oldest first."""
    query = (
        sa.select(*HEAD_COLUMNS, sessions.c.status.label("session_status"), STAGE.label("stage"), *_COUNTS)
        .select_from(_WITH_PROGRESS.join(sessions, sessions.c.id == runs.c.session_id))
        .where(runs.c.repository == repository, runs.c.session_id == session_id)
        .order_by(runs.c.id)
    )
    return [
        WatchedRun(
            head=run_head({column.name: row[column.name] for column in HEAD_COLUMNS}),
            session=SessionStatus(row["session_status"]),
            stage=row["stage"],
            counts=ProgressCounts(*(row[column.name] for column in PROGRESS_COLUMNS)),
        )
        for row in connection.execute(query).mappings()
    ]
