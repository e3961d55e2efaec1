"""Rows of `sessions`: made, found, and ended when their last run ends."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import ACTIVE, ENDED_SESSIONS, RunStatus, SessionStatus, session_outcome
from supervisor.store.tables import runs, sessions, storable


@dataclass(frozen=True)
class SessionRow:
    """A row of `sessions`, as far as reports need."""

    id: str
    title: str
    status: SessionStatus


def add(connection: Connection, session_id: str, title: str, *, at: datetime) -> None:
    """Make a running session."""
    values = {"id": session_id, "title": title, "status": SessionStatus.RUNNING, "created_at": at, "started_at": at}
    connection.execute(sa.insert(sessions).values(values))


def get(connection: Connection, session_id: str) -> SessionRow:
    """Return one session."""
    row = connection.execute(sa.select(sessions).where(sessions.c.id == session_id)).one()
    return SessionRow(row.id, row.title, SessionStatus(row.status))


def named(connection: Connection, name: str) -> list[SessionRow]:
    """Return the sessions that a person may mean by the beginning of an id, or by a title; the newest first."""
    meant = sessions.c.id.startswith(storable(name), autoescape=True) | (sessions.c.title == name)
    rows = connection.execute(sa.select(sessions).where(meant).order_by(sessions.c.created_at.desc()))
    return [SessionRow(row.id, row.title, SessionStatus(row.status)) for row in rows]


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


def resume(connection: Connection, session_id: str) -> bool:
    """Let a paused session go on.

    Returns:
        Whether that is new; not if it was not paused.
    """
    return _change(connection, session_id, {SessionStatus.PAUSED}, SessionStatus.RUNNING)


def conclude(connection: Connection, session_id: str, *, at: datetime) -> None:
    """End a session, which the caller has locked, if its last run has ended; once, whoever comes late."""
    statuses = connection.scalars(sa.select(runs.c.status).where(runs.c.session_id == session_id).distinct())
    outcome = session_outcome([RunStatus(status) for status in statuses])
    if outcome is not None:
        connection.execute(
            sa.update(sessions)
            .where(sessions.c.id == session_id, sessions.c.status != outcome)
            .values(status=outcome, finished_at=at)
        )


def _change(connection: Connection, session_id: str, before: Collection[SessionStatus], after: SessionStatus) -> bool:
    changed = connection.execute(
        sa.update(sessions).where(sessions.c.id == session_id, sessions.c.status.in_(before)).values(status=after)
    )
    return changed.rowcount == 1
