"""Rows of `file_locks`: which session has which file of a repository for itself.

A session takes the files that it names all together or not at all, and keeps them until it gives them back or ends:
`sessions` releases them in the transaction that ends it. Whoever takes or releases has locked the row of the session,
and waits for nobody else's session while it does: two who want the same files wait in one order, that of the paths.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from supervisor.errors import HeldError
from supervisor.model.paths import printable
from supervisor.store.engine import is_postgres
from supervisor.store.errors import DatabaseConflict
from supervisor.store.tables import file_locks, sessions

SHOWN_PATHS = 10
# Well below the number of values that a statement may have.
_ROWS_PER_STATEMENT = 1000


@dataclass(frozen=True)
class FileLock:
    """A file that a session has for itself.

    Attributes:
        path: From the top of the repository, in the form of `path_text`.
        run_id: The run that it was taken for; None if it was for none in particular.
        acquired_at: Aware UTC, by the database's clock.
    """

    repository: str
    path: str
    session_id: str
    session_title: str
    run_id: str | None
    acquired_at: datetime

    @property
    def holder(self) -> str:
        """How people are shown who has it."""
        run = f", run {self.run_id}" if self.run_id else ""
        return f"session {printable(self.session_title)!r} ({self.session_id}){run}"


class FileLockedError(HeldError):
    """Files belong to another session; none was locked.

    Attributes:
        conflicts: Every lock that is in the way, in the order of the paths.
    """

    def __init__(self, conflicts: Sequence[FileLock]) -> None:
        named = [
            f"{', '.join(printable(lock.path) for lock in locks)} by {holder}"
            for holder, locks in groupby(conflicts[:SHOWN_PATHS], key=lambda lock: lock.holder)
        ]
        more = [f"and {len(conflicts) - SHOWN_PATHS} more"] if len(conflicts) > SHOWN_PATHS else []
        super().__init__(
            f"already locked: {'; '.join([*named, *more])}; nothing was locked",
            hint="they are free when that session ends, or gives them back",
        )
        self.conflicts = conflicts


def lock(
    connection: Connection,
    repository: str,
    session_id: str,
    paths: Collection[str],
    *,
    run_id: str | None = None,
    at: datetime,
) -> None:
    """Give a session, which the caller has locked and which has not ended, files for itself; all or none.

    What it has already stays as it is.

    Raises:
        FileLockedError: Another session has some of them; the caller lets the transaction fail.
        DatabaseConflict: One was released meanwhile; the caller begins again.
    """
    wanted = sorted(set(paths))
    common = {"repository": repository, "session_id": session_id, "run_id": run_id, "acquired_at": at}
    for some in _batches(wanted):
        _insert(connection, [{**common, "path": path} for path in some])
    locks = {
        lock.path: lock
        for some in _batches(wanted)
        for lock in _select(connection, (file_locks.c.repository == repository) & file_locks.c.path.in_(some))
    }
    conflicts = [locks[path] for path in wanted if path in locks and locks[path].session_id != session_id]
    if conflicts:
        raise FileLockedError(conflicts)
    freed = [path for path in wanted if path not in locks]
    if freed:
        # Inserting it now, after others that come later in the order, could be a deadlock.
        raise DatabaseConflict(f"{printable(freed[0])} was released by another session at this moment")


def unlock(connection: Connection, repository: str, session_id: str, paths: Sequence[str]) -> None:
    """Take these files back from a session, which the caller has locked; those that it has not are let be."""
    for some in _batches(paths):
        connection.execute(
            sa.delete(file_locks).where(
                file_locks.c.repository == repository,
                file_locks.c.path.in_(some),
                file_locks.c.session_id == session_id,
            )
        )


def release(connection: Connection, session_id: str) -> None:
    """Take back all that a session, which the caller has locked, has in any repository."""
    connection.execute(sa.delete(file_locks).where(file_locks.c.session_id == session_id))


def move(connection: Connection, repository: str, run_id: str, from_session: str, to_session: str) -> None:
    """Give what was taken for a run to the session that the run comes into; the caller has locked both."""
    connection.execute(
        sa.update(file_locks)
        .where(
            file_locks.c.repository == repository,
            file_locks.c.run_id == run_id,
            file_locks.c.session_id == from_session,
        )
        .values(session_id=to_session)
    )


def of_session(connection: Connection, session_id: str) -> list[FileLock]:
    """Return what a session has, in the order of repositories and paths."""
    return _select(connection, file_locks.c.session_id == session_id)


def held(connection: Connection, repository: str, session_id: str | None = None) -> list[FileLock]:
    """Return what sessions have of a repository, or one of them, in the order of the paths."""
    of_session = sa.true() if session_id is None else file_locks.c.session_id == session_id
    return _select(connection, (file_locks.c.repository == repository) & of_session)


def _select(connection: Connection, condition: sa.ColumnElement[bool]) -> list[FileLock]:
    query = (
        sa.select(
            file_locks.c.repository,
            file_locks.c.path,
            file_locks.c.session_id,
            sessions.c.title,
            file_locks.c.run_id,
            file_locks.c.acquired_at,
        )
        .join(sessions, sessions.c.id == file_locks.c.session_id)
        .where(condition)
    )
    # Sorted here: databases do not agree on the order of letters.
    return sorted((FileLock(*row) for row in connection.execute(query)), key=lambda lock: (lock.repository, lock.path))


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), _ROWS_PER_STATEMENT):
        yield paths[start : start + _ROWS_PER_STATEMENT]


def _insert(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows in their order, and wait at one that somebody else is inserting or deleting."""
    if is_postgres(connection):
        connection.execute(postgresql.insert(file_locks).values(rows).on_conflict_do_nothing())
    else:
        # One by one: nothing is waited for, and a statement for so many would have to be made anew each time.
        connection.execute(sqlite.insert(file_locks).on_conflict_do_nothing(), rows)
