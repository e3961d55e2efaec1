"""Finding the rows of runs and sessions that people may mean by a name."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import ACTIVE
from supervisor.store.runs import HEAD_COLUMNS, RunHead, run_head
from supervisor.store.sessions import SessionRow, named, of_repository
from supervisor.store.tables import runs, sessions

_REMEMBERED_TITLES = 500


def newest(connection: Connection, repository: str, run_ids: Collection[str]) -> list[RunHead]:
    """Return the heads of the newest rows of these run ids; if one of an id's rows is active, that is the newest."""
    mine = (runs.c.repository == repository) & runs.c.run_id.in_(run_ids)
    return _heads(connection, runs.c.id.in_(sa.select(sa.func.max(runs.c.id)).where(mine).group_by(runs.c.run_id)))


def of_session(connection: Connection, session_id: str) -> list[RunHead]:
    """Return the heads of a session's rows, oldest first."""
    return _heads(connection, runs.c.session_id == session_id)


def unfinished(connection: Connection, repository: str) -> list[RunHead]:
    """Return the heads of what is queued or running in a repository, oldest first."""
    return _heads(connection, (runs.c.repository == repository) & runs.c.status.in_(ACTIVE))


def lock_heads(connection: Connection, rows: Collection[int]) -> list[RunHead]:
    """Return the heads of these rows, oldest first, and keep the rows from others until the end of the transaction.

    The caller has locked their sessions.
    """
    query = sa.select(*HEAD_COLUMNS).where(runs.c.id.in_(rows)).order_by(runs.c.id).with_for_update()
    return [run_head(row) for row in connection.execute(query).mappings()]


def sessions_named(connection: Connection, repository: str | None, name: str) -> list[SessionRow]:
    """Return the sessions of a repository (None: of any) whose id or title begins with a name; the newest first.

    One that has no run yet belongs to any repository.
    """
    found = named(connection, name)
    if repository is None:
        return found
    query = sa.select(sessions.c.id).where(sessions.c.id.in_([one.id for one in found]), of_repository(repository))
    here = set(connection.scalars(query))
    return [one for one in found if one.id in here]


def titles(connection: Connection, repository: str | None) -> Sequence[str]:
    """Return the titles of the latest sessions of a repository, or of any."""
    query = sa.select(sessions.c.title).order_by(sessions.c.created_at.desc())
    if repository is not None:
        query = query.where(of_repository(repository))
    return list(dict.fromkeys(connection.scalars(query.limit(_REMEMBERED_TITLES))))


def _heads(connection: Connection, condition: sa.ColumnElement[bool]) -> list[RunHead]:
    query = sa.select(*HEAD_COLUMNS).where(condition).order_by(runs.c.id)
    return [run_head(row) for row in connection.execute(query).mappings()]
