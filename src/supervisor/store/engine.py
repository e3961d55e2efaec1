"""Connections to the databases: how they are opened, and what a transaction means in them."""

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from supervisor.errors import UsageError
from supervisor.locks.processes import wait_until
from supervisor.logs.standard import facts
from supervisor.store.errors import DatabaseError, DatabaseUnavailable
from supervisor.store.tables import SCHEMA
from supervisor.store.translation import full, lacks_room, translated
from supervisor.store.urls import parse_url, shown_url

BUSY_TIMEOUT_SECONDS = 30
TRUSTED_SECONDS = 1.0
_READS = "reads"
# Of the tries to reach a database that is away, about two seconds apart.
_TOLD_EVERY = 10
_log = logging.getLogger(__name__)
_POSTGRES_OPTIONS = {
    # What hangs must be noticed well before a lease ends: a statement, a lock, a network that swallows everything.
    "options": "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "supervisor",
}


def open_engine(url: str, *, connections: int = 4, durable: bool = True) -> Engine:
    """Open a database; its tables are named with schema `ops`, which SQLite does without.

    SQLite gets a write-ahead log, full synchronisation (a stored page survives a power cut) and explicit transactions.

    Args:
        url: Of PostgreSQL or SQLite.
        connections: How many there are at most; who wants one more waits for it.
        durable: Whether what is committed survives a power cut, for which every commit waits for the disk.

    Raises:
        UsageError: The URL cannot be used.
    """
    parsed = parse_url(url)
    try:
        return _made(parsed, connections, durable)
    except (sa.exc.ArgumentError, ValueError, TypeError) as error:
        raise UsageError(f"the database URL {shown_url(parsed)} cannot be used: {error}") from error


def _made(parsed: sa.URL, connections: int, durable: bool) -> Engine:
    if parsed.get_backend_name() == "postgresql":
        options: dict[str, Any] = {name: value for name, value in _POSTGRES_OPTIONS.items() if name not in parsed.query}
        if not durable and "options" in options:
            options["options"] += " -c synchronous_commit=off"
        engine = sa.create_engine(
            parsed,
            connect_args=options,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=30,
            hide_parameters=True,
        )
        sa.event.listen(engine, "checkin", _note_idle)
        sa.event.listen(engine, "checkout", partial(_try_if_idle, engine.dialect))
        return engine
    engine = sa.create_engine(
        parsed,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
        pool_size=connections,
        max_overflow=0,
        # Errors are stored and shown: the texts of pages have no place in them.
        hide_parameters=True,
    )
    sa.event.listen(engine, "connect", _prepare_sqlite if durable else _prepare_hasty_sqlite)
    sa.event.listen(engine, "begin", _begin)
    return engine.execution_options(schema_translate_map={SCHEMA: None})


def is_postgres(connection: Connection) -> bool:
    """Tell which of the two kinds of database a connection leads to."""
    return connection.dialect.name == "postgresql"


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Run a block in one transaction, which is rolled back if the block raises.

    Raises:
        DatabaseUnavailable: The database cannot be reached or used at this moment. If that came over us while the
            transaction was being committed, it may have been.
        DatabaseFull: There is no room for what the block has written.
        DatabaseError: The database could not be opened, read or written; constraint violations pass unchanged.
    """
    with translated(engine), engine.begin() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Run a block that only reads: all of it sees the database as it is at one moment, and it holds up nobody.

    Raises:
        DatabaseError: As `transaction`.
    """
    with translated(engine), engine.connect() as connection:
        options: dict[str, Any] = {_READS: True}
        if is_postgres(connection):
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with connection.execution_options(**options).begin():
            yield connection


def alone(connection: Connection, subject: str) -> None:
    """Wait until nobody else who calls this with the same subject is in a transaction, and keep them out of ours."""
    if is_postgres(connection):
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(subject, 0))))


def patiently(seconds: float, *, unless: threading.Event | None = None) -> Retrying:
    """Try again for some time while a database is unavailable.

    The block is a whole transaction, and one that may be made twice: `for attempt in patiently(30): with attempt, …`.

    Args:
        seconds: For how long.
        unless: Ends the patience when it is set.
    """
    event = unless or threading.Event()
    return Retrying(
        retry=retry_if_exception_type(DatabaseUnavailable),
        stop=stop_after_delay(seconds) | stop_when_event_set(event),
        sleep=sleep_using_event(event),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        before_sleep=_tell_of_waiting,
        reraise=True,
    )


def _tell_of_waiting(state: RetryCallState) -> None:
    if state.attempt_number % _TOLD_EVERY == 1 and state.outcome is not None:
        waited = round(state.seconds_since_start or 0, 1)
        _log.warning("waiting for the database", extra=facts(error=str(state.outcome.exception()), seconds=waited))


def checkpoint(engine: Engine) -> None:
    """Bring everything written so far into an SQLite file itself, so that the file alone is complete.

    Raises:
        DatabaseFull: The file has no room to grow.
        DatabaseError: The database cannot be read or written.
    """
    try:
        with engine.connect() as connection:
            # Below SQLAlchemy, which would begin a transaction: there is no checkpoint within one.
            connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]  # it is open
    except (DBAPIError, sqlite3.Error) as error:
        if lacks_room(engine, error.orig if isinstance(error, DBAPIError) else error):
            raise full(engine) from error
        raise DatabaseError(f"database {shown_url(engine.url)}: {error}") from error


def _note_idle(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:  # noqa: ARG001 (signature given)
    record.info["idle_since"] = time.monotonic()


def _try_if_idle(
    dialect: Dialect,
    connection: DBAPIConnection,
    record: ConnectionPoolEntry,
    proxy: PoolProxiedConnection,  # noqa: ARG001 (signature given)
) -> None:
    """Try a connection that was not used for a while, as `pool_pre_ping` does with every one, every time."""
    if time.monotonic() - record.info.get("idle_since", math.inf) < TRUSTED_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        # The pool takes it for a sign to open another one.
        raise sa.exc.DisconnectionError from error


def _prepare_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:  # noqa: ARG001 (signature given)
    if isinstance(connection, sqlite3.Connection):
        # sqlite3 would begin transactions by itself, deferred ones, which fail as busy when they turn to writing.
        connection.isolation_level = None
        if not wait_until(lambda: _writes_ahead(connection), BUSY_TIMEOUT_SECONDS):
            busy = sqlite3.OperationalError("database is locked")
            busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise busy
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")


def _prepare_hasty_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    _prepare_sqlite(connection, record)
    if isinstance(connection, sqlite3.Connection):
        # The disk is waited for when the log is brought into the file, which is left to those who are not in a hurry.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")


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


def _begin(connection: Connection) -> None:
    # Who may write takes the write lock at once: it would be too late to wait for it after something was read.
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
