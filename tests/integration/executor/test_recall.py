"""The page cache around an attempt, as far as other machines are concerned: a real Postgres."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.executor.recall import Recall
from supervisor.executor.spec import RunSpec
from supervisor.store.engine import open_engine, transaction
from supervisor.store.schema import prepare_cache

Bench = Any  # the classes stand in conftest.py, which importlib mode keeps from being imported


def connections(engine: Engine) -> int:
    """Count what is open to our database, but for the connection that asks."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with transaction(engine) as connection:
        return int(connection.execute(sa.text(statement)).scalar_one())


@pytest.mark.parametrize("results_in", ["a server"])
def test_an_attempt_leaves_no_connection(bench: Bench, tmp_path: Any, wait_until: Any) -> None:
    prepare_cache(bench.engine)
    bench.draw("a.png")
    start = bench.start(cache=tmp_path / "cache")
    bench.engine.dispose()
    spec = RunSpec.from_json(start.spec)
    watching = open_engine(start.database_url)
    try:
        before = connections(watching)
        with Recall(start, spec) as recall:
            recall.prefetch([(spec.jobs[0], spec.documents[0].blob_sha)])
            assert connections(watching) == before + 1
        wait_until(lambda: connections(watching) == before)
    finally:
        watching.dispose()
