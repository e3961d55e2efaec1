"""Connections to the databases: how they are opened, and what a transaction means in them."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from supervisor.errors import SurroundingsError
from supervisor.locks.processes import wait_until
from supervisor.store.tables import SCHEMA

BUSY_TIMEOUT_SECONDS = 30


class DatabaseError(SurroundingsError):
    """A database cannot be opened, read or written."""


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite database file.

    Raises:
        DatabaseError: The path is not UTF-8, which a URL cannot carry.
    """
    try:
        return sa.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
    except UnicodeEncodeError as error:
        raise DatabaseError(
            f"the path of database {os.fsencode(path)!r} is not UTF-8", hint="choose another directory with --runs-dir"
        ) from error


def shown_url(url: str) -> str:
    """Return the URL as people may see it: without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def open_engine(url: str) -> Engine:
    """Open a database; its tables are named with schema `ops`, which SQLite does without.

    SQLite gets a write-ahead log, full synchronisation (a stored page survives a power cut) and explicit transactions.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise DatabaseError(f"this version keeps its tables in SQLite; it cannot use {shown_url(url)}")
    engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine.execution_options(schema_translate_map={SCHEMA: None})


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run a block in one transaction, which is rolled back if the block raises.

    Raises:
        DatabaseError: The database could not be reached, read or written; constraint violations pass unchanged.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.IntegrityError:
        raise
    except DBAPIError as error:
        raise DatabaseError(f"database {shown_url(str(engine.url))}: {error.orig}") from error


def checkpoint(engine: Engine) -> None:
    """Bring everything written so far into the database file itself, so that the file alone is complete.

    Raises:
        DatabaseError: The database cannot be read or written.
    """
    try:
        with engine.connect() as connection:
            # Below SQLAlchemy, which would begin a transaction: there is no checkpoint within one.
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    except (DBAPIError, sqlite3.Error) as error:
        raise DatabaseError(f"database {shown_url(str(engine.url))}: {error}") from error


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:  # noqa: ARG001 (signature given)
    if isinstance(connection, sqlite3.Connection):
        # sqlite3 would begin transactions by itself, deferred ones, which fail as busy when they turn to writing.
        connection.isolation_level = None
        if not wait_until(lambda: _writes_ahead(connection), BUSY_TIMEOUT_SECONDS):
            raise sqlite3.OperationalError("database is locked")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")


def _writes_ahead(connection: sqlite3.Connection) -> bool:
    """Switch the write-ahead log on, which a new file does not have; False while somebody else is at it.

    For this one step SQLite does not wait itself: its busy timeout has no effect on the change of the journal mode.
    """
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # the lowest byte; the others say what kind of busy
            raise
        return False
    return True


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
