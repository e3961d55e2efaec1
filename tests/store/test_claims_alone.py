"""Claims that are a transaction in themselves, on Postgres by the driver alone."""

from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine

from supervisor.store import claims, runs
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseError, DatabaseUnavailable
from supervisor.store.schema import prepare_control
from support import run_queue
from support.postgres import PostgresServer
from support.run_queue import CLOCK


def fill(engine: Engine, *run_ids: str) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        for run_id in run_ids:
            run_queue.add_run(connection, run_id)


def test_what_it_returns_is_the_row(engine: Engine) -> None:
    fill(engine, "a", "b")
    claimed = [claims.claim_alone(engine, name, CLOCK) for name in ("one", "two", "three")]
    with transaction(engine) as connection:
        stored = [runs.get(connection, row.id) for row in claimed if row is not None]
    assert claimed == [*stored, None]
    assert [(row.run_id, row.claimed_by, row.lease_term) for row in stored] == [("a", "one", 1), ("b", "two", 1)]
    # Names rows, so it must not depend on the server's time zone.
    assert [row.owner for row in claimed if row] == [row.owner for row in stored]
    assert all(row.created_at.utcoffset() == timedelta(0) for row in claimed if row)


def test_a_server_that_is_away_is_unavailable_and_no_connection_is_lost_by_it(own_postgres: PostgresServer) -> None:
    engine = open_engine(own_postgres.create_database("d"), connections=1)
    prepare_control(engine)
    fill(engine, "a")
    own_postgres.stop("immediate")
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            claims.claim_alone(engine, "one", CLOCK)
    own_postgres.start()
    row = claims.claim_alone(engine, "one", CLOCK)
    assert row is not None
    assert row.run_id == "a"
    with transaction(engine) as connection:
        assert runs.get(connection, row.id) == row
    engine.dispose()


def test_an_error_of_the_statement_is_told_as_such(postgres_url: str) -> None:
    engine = open_engine(postgres_url, connections=1)
    with transaction(engine) as connection:
        connection.exec_driver_sql("drop function ops.claim_runs(text, integer)")
    with pytest.raises(DatabaseError, match="claim_runs") as caught:
        claims.claim_alone(engine, "one", CLOCK)
    assert not isinstance(caught.value, DatabaseUnavailable)
    engine.dispose()
