"""Rows of `sessions`: made, reopened, and ended when their last run ends."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import RunStatus, SessionStatus, session_outcome
from supervisor.store.tables import runs, sessions


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


def conclude(connection: Connection, session_id: str, *, at: datetime) -> None:
    """End a session whose last run has ended.

    The session's row is locked before its runs are read: two last finishers, each blind to the other, would leave it
    running.
    """
    connection.execute(sa.select(sessions.c.id).where(sessions.c.id == session_id).with_for_update())
    statuses = connection.scalars(sa.select(runs.c.status).where(runs.c.session_id == session_id))
    outcome = session_outcome([RunStatus(status) for status in statuses])
    if outcome is not None:
        connection.execute(
            sa.update(sessions).where(sessions.c.id == session_id).values(status=outcome, finished_at=at)
        )
