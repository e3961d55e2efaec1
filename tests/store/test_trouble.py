"""What a database that is away for a moment looks like, and how it is waited for."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store import engine as store_engine
from supervisor.store.engine import checkpoint, open_engine, patiently, transaction
from supervisor.store.errors import DatabaseError, DatabaseFull, DatabaseUnavailable
from supervisor.store.urls import sqlite_url
from support.postgres import PostgresServer
from support.small_disk import SmallDisk


def ask(engine: Engine, *statements: str, between: Callable[[], object] = lambda: None) -> object:
    """Return what the last statement gives; something may happen before it, within the transaction."""
    with transaction(engine) as connection:
        for statement in statements[:-1]:
            connection.execute(sa.text(statement))
        between()
        return connection.scalar(sa.text(statements[-1]))


@pytest.mark.parametrize("trouble", ["killed", "stopped", "crashed"])
def test_a_connection_that_breaks_is_trouble_that_passes(own_postgres: PostgresServer, trouble: str) -> None:
    engine = open_engine(own_postgres.create_database("a"))
    happens: dict[str, Callable[[], object]] = {
        "killed": lambda: own_postgres.kill_backends("a"),
        "stopped": lambda: own_postgres.stop("fast"),
        "crashed": lambda: own_postgres.stop("immediate"),
    }
    with pytest.raises(DatabaseUnavailable) as caught:
        ask(engine, "SELECT 1", between=happens[trouble])
    assert caught.value.exit_code == 4
    if trouble != "killed":
        with pytest.raises(DatabaseUnavailable):
            ask(engine, "SELECT 1")
        own_postgres.start()
    assert ask(engine, "SELECT 1") == 1
    engine.dispose()


def test_a_connection_that_broke_while_idle_is_no_trouble(
    postgres: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_engine, "TRUSTED_SECONDS", 0)
    engine = open_engine(postgres_url)
    assert ask(engine, "SELECT 1") == 1
    assert postgres.kill_backends(sa.make_url(postgres_url).database or "") == 1
    assert ask(engine, "SELECT 1") == 1
    engine.dispose()


def test_patience_outlasts_a_restart(own_postgres: PostgresServer) -> None:
    engine = open_engine(own_postgres.create_database("a"))
    own_postgres.stop()
    tries = 0
    for attempt in patiently(60):
        with attempt:
            tries += 1
            if tries == 3:
                own_postgres.start()
            assert ask(engine, "SELECT 1") == 1
    assert tries == 3
    engine.dispose()


def test_patience_ends(own_postgres: PostgresServer) -> None:
    engine = open_engine(own_postgres.create_database("a"))
    own_postgres.stop()
    with pytest.raises(DatabaseUnavailable):
        patiently(0.5)(ask, engine, "SELECT 1")
    engine.dispose()


def test_statements_end_in_time(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with pytest.raises(DatabaseUnavailable, match="statement timeout"):
        ask(engine, "SET LOCAL statement_timeout = '10ms'", "SELECT pg_sleep(60)")
    assert ask(engine, "SHOW statement_timeout") == "30s"
    assert ask(engine, "SHOW lock_timeout") == "10s"
    assert ask(engine, "SHOW idle_in_transaction_session_timeout") == "1min"
    engine.dispose()


def test_a_mistake_is_no_trouble_that_passes(engine: Engine) -> None:
    with pytest.raises(DatabaseError) as caught:
        ask(engine, "SELECT x FROM no_such_table")
    assert not isinstance(caught.value, DatabaseUnavailable)


def test_a_new_file_that_somebody_keeps_locked_is_trouble_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_engine, "BUSY_TIMEOUT_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    engine = open_engine(sqlite_url(tmp_path / "a.db"))
    with pytest.raises(DatabaseUnavailable, match="database is locked"):
        ask(engine, "SELECT 1")
    other.execute("ROLLBACK")
    assert ask(engine, "SELECT 1") == 1
    other.close()
    engine.dispose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk", 300_000)
    yield disk
    disk.unmount()


def test_a_full_disk_undoes_the_transaction_and_leaves_the_database_whole(small_disk: SmallDisk) -> None:
    url = sqlite_url(small_disk.folder / "a.db")
    engine = open_engine(url)
    ask(engine, "CREATE TABLE t (x)", "INSERT INTO t VALUES (1) RETURNING x")
    small_disk.fill()
    with pytest.raises(DatabaseFull, match=r"no room is left on the disk of database sqlite:.*/a\.db") as caught:
        ask(engine, "INSERT INTO t VALUES (zeroblob(200000)) RETURNING 1")
    assert (caught.value.exit_code, caught.value.hint) == (4, "make room, then type the same command again")
    engine.dispose()
    small_disk.make_room()
    engine = open_engine(url)
    assert ask(engine, "SELECT count(*) FROM t") == 1
    assert ask(engine, "PRAGMA integrity_check") == "ok"
    engine.dispose()


def test_a_database_that_has_no_room_to_be_made_says_so(small_disk: SmallDisk) -> None:
    small_disk.fill()
    engine = open_engine(sqlite_url(small_disk.folder / "a.db"))
    with pytest.raises(DatabaseFull):
        ask(engine, "CREATE TABLE t (x)", "SELECT 1")
    engine.dispose()


def test_a_checkpoint_that_finds_no_room_loses_nothing(small_disk: SmallDisk) -> None:
    engine = open_engine(sqlite_url(small_disk.folder / "a.db"))
    ask(engine, "CREATE TABLE t (x)", "INSERT INTO t VALUES (zeroblob(100000)) RETURNING 1")
    small_disk.fill()
    with pytest.raises(DatabaseFull):
        checkpoint(engine)
    assert ask(engine, "SELECT length(x) FROM t") == 100_000
    small_disk.make_room()
    checkpoint(engine)
    assert (small_disk.folder / "a.db-wal").stat().st_size == 0
    engine.dispose()


def test_a_server_whose_disk_is_full_is_not_waited_for(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with pytest.raises(DatabaseFull):
        ask(engine, "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$", "SELECT 1")
    engine.dispose()


def test_a_database_that_may_not_become_so_large_says_how_it_may(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    engine = open_engine(sqlite_url(tmp_path / "a.db"))
    ask(engine, "SELECT 1")
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(DatabaseError) as caught:
            ask(engine, "CREATE TABLE t (x)", "INSERT INTO t VALUES (zeroblob(100000)) RETURNING 1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (type(caught.value), caught.value.hint) == (DatabaseError, "allow larger files, with ulimit -f")
    engine.dispose()


def test_an_sqlite_database_that_cannot_be_opened_says_what_it_takes(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open database file") as caught:
        ask(open_engine(sqlite_url(tmp_path / "missing" / "control.db")), "SELECT 1")
    assert (
        caught.value.hint == "its directory must be there and writable, also for reading: SQLite writes beside the file"
    )
