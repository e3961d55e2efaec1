"""Rows of `sessions`: made, found, and ended when their last run ends, or by hand where they have none."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import ACTIVE, ENDED_SESSIONS, RunStatus, SessionStatus, session_outcome
from supervisor.store import file_locks
from supervisor.store.tables import runs, sessions, storable


@dataclass(frozen=True)
class SessionRow:
    """A row of `sessions`.

    Attributes:
        progress_done: How much of its work is done, where a program tells it: that of its runs is theirs.
        progress_total: How much there is; None if nobody knows.
        progress_note: What the program is busy with, in its own words.
    """

    id: str
    title: str
    intent: str | None
    status: SessionStatus
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress_done: int | None = None
    progress_total: int | None = None
    progress_note: str | None = None


COLUMNS = [sessions.c[field.name] for field in fields(SessionRow)]
"""What a query selects to make rows of."""


def add(connection: Connection, session_id: str, title: str, *, at: datetime) -> None:
    """Make a running session."""
    values = {"id": session_id, "title": title, "status": SessionStatus.RUNNING, "created_at": at, "started_at": at}
    connection.execute(sa.insert(sessions).values(values))


def prepare(connection: Connection, session_id: str, title: str, intent: str | None, *, at: datetime) -> None:
    """Make a session that is to be started later."""
    values = {"id": session_id, "title": title, "intent": intent, "status": SessionStatus.CREATED, "created_at": at}
    connection.execute(sa.insert(sessions).values(values))


def get(connection: Connection, session_id: str) -> SessionRow:
    """Return one session."""
    return session_row(connection.execute(sa.select(*COLUMNS).where(sessions.c.id == session_id)).mappings().one())


def listed(connection: Connection, status: SessionStatus | None = None, limit: int | None = None) -> list[SessionRow]:
    """Return the sessions there are, or those in one state; the newest first."""
    query = sa.select(*COLUMNS).order_by(sessions.c.created_at.desc(), sessions.c.id).limit(limit)
    if status is not None:
        query = query.where(sessions.c.status == status)
    return [session_row(row) for row in connection.execute(query).mappings()]


def named(connection: Connection, name: str) -> list[SessionRow]:
    """Return the sessions that a person may mean by the beginning of an id or a title; the newest first."""
    begin = storable(name)
    meant = sessions.c.id.startswith(begin, autoescape=True) | sessions.c.title.startswith(begin, autoescape=True)
    query = sa.select(*COLUMNS).where(meant).order_by(sessions.c.created_at.desc(), sessions.c.id)
    found = [session_row(row) for row in connection.execute(query).mappings()]
    # SQLite takes capitals and small letters for the same.
    return [one for one in found if one.id.startswith(begin) or one.title.startswith(begin)]


def of_repository(repository: str) -> sa.ColumnElement[bool]:
    """Return what sessions meet that have runs of a repository, and those that have no run yet: they belong to any."""
    its = sa.exists().where(runs.c.session_id == sessions.c.id)
    return its.where(runs.c.repository == repository) | ~its


def has_others(connection: Connection, session_id: str, rows: Collection[int]) -> bool:
    """Tell whether runs of a session are queued or running that are not among these rows."""
    query = sa.select(runs.c.id).where(
        runs.c.session_id == session_id, runs.c.status.in_(ACTIVE), runs.c.id.not_in(rows)
    )
    return connection.scalar(query.limit(1)) is not None


def lock(connection: Connection, *session_ids: str) -> None:
    """Keep others from ending the sessions, or runs of them, until the end of the transaction.

    Whoever ends or moves a run takes this lock before that of the run, for `conclude`: two last finishers, each blind
    to the other, would leave the session running; two that lock in another order, each waiting for the other. For the
    same reason all sessions that a transaction needs are locked at once, in the order of their ids.
    """
    query = sa.select(sessions.c.id).where(sessions.c.id.in_(session_ids)).order_by(sessions.c.id)
    connection.execute(query.with_for_update())


def reopen(connection: Connection, session_id: str) -> None:
    """Let a session that has ended, and that the caller has locked, go on: a run is about to be added to it."""
    connection.execute(
        sa.update(sessions)
        .where(sessions.c.id == session_id)
        .values(
            status=sa.case((sessions.c.status.in_(ENDED_SESSIONS), SessionStatus.RUNNING), else_=sessions.c.status),
            finished_at=None,
        )
    )


def pause(connection: Connection, session_id: str) -> bool:
    """Let none of a session's runs begin, and those that execute go back to the queue.

    Returns:
        Whether that is new; not if it is paused already, or has ended.
    """
    return _change(connection, session_id, {SessionStatus.CREATED, SessionStatus.RUNNING}, SessionStatus.PAUSED)


def resume(connection: Connection, session_id: str, *, at: datetime) -> bool:
    """Let a paused session go on; one that had not begun begins.

    Returns:
        Whether that is new; not if it was not paused.
    """
    begun = sa.func.coalesce(sessions.c.started_at, sa.bindparam("begun", at, sessions.c.started_at.type))
    return _change(connection, session_id, {SessionStatus.PAUSED}, SessionStatus.RUNNING, started_at=begun)


def start(connection: Connection, session_id: str, *, at: datetime) -> bool:
    """Let a session run that was only made; False if it is in another state."""
    return _change(connection, session_id, {SessionStatus.CREATED}, SessionStatus.RUNNING, started_at=at)


def end(connection: Connection, session_id: str, outcome: SessionStatus, *, at: datetime) -> bool:
    """End a session, which the caller has locked and which has no run that could end it; False if it has ended."""
    unfinished = set(SessionStatus) - ENDED_SESSIONS
    file_locks.release(connection, session_id)
    return _change(connection, session_id, unfinished, outcome, finished_at=at)


def note_progress(connection: Connection, session_id: str, done: int, total: int | None, note: str | None) -> bool:
    """Note how far a session is; False if it has ended."""
    values = {"progress_done": done, "progress_total": total, "progress_note": note}
    unfinished = sessions.c.status.not_in(ENDED_SESSIONS)
    return (
        connection.execute(sa.update(sessions).where(sessions.c.id == session_id, unfinished).values(values)).rowcount
        == 1
    )


def conclude(connection: Connection, session_id: str, *, at: datetime) -> None:
    """End a session, which the caller has locked, if its last run has ended; once, whoever comes late.

    The files that it has locked are free from then on.
    """
    statuses = connection.scalars(sa.select(runs.c.status).where(runs.c.session_id == session_id).distinct())
    outcome = session_outcome([RunStatus(status) for status in statuses])
    if outcome is not None:
        connection.execute(
            sa.update(sessions)
            .where(sessions.c.id == session_id, sessions.c.status != outcome)
            .values(status=outcome, finished_at=at)
        )
        file_locks.release(connection, session_id)


def _change(
    connection: Connection,
    session_id: str,
    before: Collection[SessionStatus],
    after: SessionStatus,
    **times: datetime | sa.ColumnElement[datetime],
) -> bool:
    changed = connection.execute(
        sa.update(sessions)
        .where(sessions.c.id == session_id, sessions.c.status.in_(before))
        .values(status=after, **times)
    )
    return changed.rowcount == 1


def session_row(row: Mapping[Any, Any]) -> SessionRow:
    """Make a row of what a query over `COLUMNS` returned."""
    return SessionRow(**{**row, "status": SessionStatus(row["status"])})
