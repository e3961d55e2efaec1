from datetime import timedelta
from pathlib import Path

from supervisor.clock import SystemClock
from supervisor.store.engine import open_engine, transaction
from supervisor.store.moments import database_now
from supervisor.store.urls import sqlite_url
from support.clocks import BEGIN, HandClock


def test_a_server_tells_the_time_by_its_own_clock_and_not_that_of_the_transactions_beginning(
    postgres_url: str,
) -> None:
    ours, engine = SystemClock(), open_engine(postgres_url)
    with transaction(engine) as connection:
        before = ours.now()
        first, second = (database_now(connection, HandClock()) for _ in range(2))
        after = ours.now()
    engine.dispose()
    # It is the same machine's, and the server's time zone another.
    assert before <= first < second <= after
    assert first.utcoffset() == timedelta(0)


def test_beside_a_file_our_own_clock_is_that_of_the_database(tmp_path: Path) -> None:
    clock, engine = HandClock(), open_engine(sqlite_url(tmp_path / "a.db"))
    clock.seconds = 90.5
    with transaction(engine) as connection:
        assert database_now(connection, clock) == BEGIN + timedelta(seconds=90.5)
    engine.dispose()
