"""Sessions and runs for those who show how everything stands: each function is one query, however many there are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import ACTIVE, ENDED_SESSIONS, RunStatus, SessionStatus
from supervisor.store.engine import is_postgres
from supervisor.store.progress import PROGRESS_COLUMNS, ProgressCounts, progress_counts
from supervisor.store.runs import HEAD_COLUMNS, RunHead, run_head
from supervisor.store.sessions import COLUMNS, SessionRow, of_repository, session_row
from supervisor.store.tables import run_progress, runs, sessions

_PROGRESS = runs.outerjoin(run_progress, run_progress.c.run == runs.c.id)


@dataclass(frozen=True)
class RunGroup:
    """Runs that are alike.

    Attributes:
        session_id: None if those of several are added up; `lane` is, too, then.
        is_paused: Whether they were paused themselves.
        runs: How many there are.
        unopened: How many of their documents have neither told their pages nor ended.
        seconds: For how long those that have ended executed in their last terms, if their pages are known.
    """

    session_id: str | None
    lane: str | None
    status: RunStatus
    is_paused: bool
    runs: int
    unopened: int
    seconds: float
    counts: ProgressCounts


@dataclass(frozen=True)
class WatchedRun:
    """A run and how far it is.

    Attributes:
        updated_at: When that was noted; None if nobody ever did.
    """

    head: RunHead
    session: SessionStatus
    stage: str
    counts: ProgressCounts
    updated_at: datetime | None


def watched_sessions(
    connection: Connection,
    repository: str,
    *,
    session_id: str | None,
    status: SessionStatus | None,
    lane: str | None,
    limit: int | None,
) -> list[SessionRow]:
    """Return sessions of a repository: unfinished ones first, of these and of the others the newest first.

    Args:
        connection: To the database.
        repository: Sessions with runs of it, and those without any.
        session_id: None for any.
        status: None for any.
        lane: Sessions that have runs in it; None for any.
        limit: At most so many; None for all.
    """
    query = sa.select(*COLUMNS).where(of_repository(repository))
    if session_id is not None:
        query = query.where(sessions.c.id == session_id)
    if status is not None:
        query = query.where(sessions.c.status == status)
    if lane is not None:
        in_lane = runs.c.repository == repository, runs.c.lane == lane
        query = query.where(sa.exists().where(runs.c.session_id == sessions.c.id, *in_lane))
    has_ended = sa.case((sessions.c.status.in_(ENDED_SESSIONS), 1), else_=0)
    query = query.order_by(has_ended, sessions.c.created_at.desc(), sessions.c.id).limit(limit)
    return [session_row(row) for row in connection.execute(query).mappings()]


def session_counts(connection: Connection, repository: str) -> dict[SessionStatus, int]:
    """Return how many sessions of a repository, and how many without runs, there are in each state."""
    query = sa.select(sessions.c.status, sa.func.count()).where(of_repository(repository)).group_by(sessions.c.status)
    return {SessionStatus(status): count for status, count in connection.execute(query)}


def groups_of_sessions(
    connection: Connection, repository: str, session_ids: Collection[str], lane: str | None
) -> list[RunGroup]:
    """Return the runs of some sessions, or those in one lane, added up by lane and state."""
    by = runs.c.session_id, runs.c.lane
    query = _groups(connection, repository).add_columns(*by).group_by(*by).where(runs.c.session_id.in_(session_ids))
    if lane is not None:
        query = query.where(runs.c.lane == lane)
    return [_group(row) for row in connection.execute(query).mappings()]


def groups_of_repository(connection: Connection, repository: str) -> list[RunGroup]:
    """Return all runs of a repository, added up by state."""
    return [_group(row) for row in connection.execute(_groups(connection, repository)).mappings()]


def running(connection: Connection, repository: str) -> list[WatchedRun]:
    """Return the runs of a repository that execute, oldest first."""
    return _runs(connection, (runs.c.repository == repository) & (runs.c.status == RunStatus.RUNNING))


def runs_of_session(connection: Connection, repository: str, session_id: str) -> list[WatchedRun]:
    """Return the runs of a session, oldest first."""
    return _runs(connection, (runs.c.repository == repository) & (runs.c.session_id == session_id))


def _groups(connection: Connection, repository: str) -> sa.Select[Any]:
    seen = sa.case(
        (run_progress.c.documents_opened > run_progress.c.documents_done, run_progress.c.documents_opened),
        else_=run_progress.c.documents_done,
    )
    is_paused = (runs.c.pause_requested_at.is_not(None) & runs.c.status.in_(ACTIVE)).label("is_paused")
    if is_postgres(connection):
        executed: sa.ColumnElement[Any] = sa.extract("epoch", runs.c.finished_at - runs.c.claimed_at)
    else:
        executed = 86_400 * (sa.func.julianday(runs.c.finished_at) - sa.func.julianday(runs.c.claimed_at))
    seconds = sa.case((run_progress.c.documents_opened > 0, executed), else_=0)
    unopened = (run_progress.c.documents - seen).label("unopened")
    return (
        sa.select(
            runs.c.status,
            is_paused,
            sa.func.count().label("runs"),
            sa.func.sum(seconds).label("seconds"),
            *(sa.func.sum(column).label(column.name) for column in (unopened, *PROGRESS_COLUMNS)),
        )
        .select_from(_PROGRESS)
        .where(runs.c.repository == repository)
        .group_by(runs.c.status, is_paused)
    )


def _group(row: Mapping[Any, Any]) -> RunGroup:
    return RunGroup(
        session_id=row.get("session_id"),
        lane=row.get("lane"),
        status=RunStatus(row["status"]),
        is_paused=bool(row["is_paused"]),
        runs=row["runs"],
        unopened=row["unopened"] or 0,
        seconds=float(row["seconds"] or 0),
        counts=progress_counts(row),
    )


def _runs(connection: Connection, condition: sa.ColumnElement[bool]) -> list[WatchedRun]:
    query = (
        sa.select(
            *HEAD_COLUMNS,
            sessions.c.status.label("session_status"),
            run_progress.c.stage,
            run_progress.c.updated_at,
            *PROGRESS_COLUMNS,
        )
        .select_from(_PROGRESS.join(sessions, sessions.c.id == runs.c.session_id))
        .where(condition)
        .order_by(runs.c.id)
    )
    return [
        WatchedRun(
            head=run_head({column.name: row[column.name] for column in HEAD_COLUMNS}),
            session=SessionStatus(row["session_status"]),
            stage=row["stage"] or row["status"],
            counts=progress_counts(row),
            updated_at=row["updated_at"],
        )
        for row in connection.execute(query).mappings()
    ]
