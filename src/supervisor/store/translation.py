"""Finding out what an error of a driver means: whether it can pass, whether a disk is full."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from supervisor.room import LARGER_FILES, is_full
from supervisor.store.errors import DatabaseConflict, DatabaseError, DatabaseFull, DatabaseUnavailable
from supervisor.store.urls import shown_url

_CONFLICTS = frozenset({"40001", "40P01"})  # a serialisation failure, a deadlock
_PASSING_CLASSES = ("08", "40", "53", "57P")
_DISK_FULL = "53100"
# What SQLite says of a quota that is used up, and of a file that it has no room to make.
_PERHAPS_FULL = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
# Also what it says to those who only want to read: a write-ahead log takes files beside the database.
_NOT_WRITABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})
_PASSING_CODES = frozenset({"55P03", "57014", "25006"})  # lock timeout, statement timeout, a server that lost its role


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn what SQLAlchemy raises into our errors, as `transaction` says."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except DBAPIError as error:
        if lacks_room(engine, error.orig):
            raise full(engine) from error
        kind = DatabaseUnavailable if _can_pass(error) else DatabaseError
        if getattr(error.orig, "pgcode", None) in _CONFLICTS:
            kind = DatabaseConflict
        reason = " ".join(str(error.orig).split())
        raise kind(f"database {shown_url(engine.url)}: {reason}", hint=_hint(error)) from error
    except sa.exc.TimeoutError as error:
        raise DatabaseUnavailable(f"database {shown_url(engine.url)}: every connection is in use") from error


def lacks_room(engine: Engine, error: BaseException | None) -> bool:
    """Tell whether what a driver raised means that the database's disk is full."""
    if not isinstance(error, sqlite3.Error):
        return getattr(error, "pgcode", None) == _DISK_FULL
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code == sqlite3.SQLITE_FULL or (
        code in _PERHAPS_FULL and engine.url.database is not None and is_full(Path(engine.url.database).parent)
    )


def full(engine: Engine) -> DatabaseFull:
    """Return the error that says so."""
    return DatabaseFull(f"no room is left on the disk of database {shown_url(engine.url)}")


def _hint(error: DBAPIError) -> str | None:
    if getattr(error.orig, "pgcode", None) == "42501":
        return "the rights that a role needs are in docs/reference/database.md"
    if (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) in _NOT_WRITABLE:
        return "its directory must be there and writable, also for reading: SQLite writes beside the file"
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    failed_to_write = getattr(error.orig, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_WRITE
    return LARGER_FILES if failed_to_write and limit != resource.RLIM_INFINITY else None


def _can_pass(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    code: str | None = getattr(error.orig, "pgcode", None)
    if code is None:
        # Nobody answered, or not with an error of the server's.
        return isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError))
    return code.startswith(_PASSING_CLASSES) or code in _PASSING_CODES
