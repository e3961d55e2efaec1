"""What a database that is away for a moment looks like, and how it is waited for."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store import engine as store_engine
from supervisor.store.engine import (
    DatabaseError,
    DatabaseUnavailable,
    open_engine,
    patiently,
    sqlite_url,
    transaction,
)
from support.postgres import PostgresServer


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
