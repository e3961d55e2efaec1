from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.store import claims, runs, sessions
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.results import AttemptKey, ResultStore
from supervisor.store.runs import RunRow
from support.clocks import BEGIN, HandClock


@pytest.fixture
def directory(tmp_path: Path) -> RunsDirectory:
    return RunsDirectory(tmp_path / "runs")


@pytest.fixture(params=["shared", "per run"])
def databases(
    request: pytest.FixtureRequest,
    database_url: str,
    engine: Engine,  # noqa: ARG001 (it makes the tables)
    directory: RunsDirectory,
) -> Databases:
    """The control database of `engine`, with results in it, or beside it."""
    if request.param == "shared":
        return Databases(database_url, per_run=None)
    return Databases(database_url, per_run=lambda run_id: directory.run(run_id).database)


@pytest.fixture
def claim(engine: Engine) -> Callable[[], RunRow]:
    """Claim the run that is the next in the queue."""

    def claim() -> RunRow:
        with transaction(engine) as connection:
            row = claims.claim(connection, "w", HandClock())
        assert row is not None
        return row

    return claim


@pytest.fixture
def make_run(engine: Engine, claim: Callable[[], RunRow]) -> Callable[[str], RunRow]:
    """Make a run that is executing, all in one session."""
    with transaction(engine) as connection:
        sessions.add(connection, "s", "Letters of 1911", at=BEGIN)

    def make(run_id: str) -> RunRow:
        new = runs.NewRun(
            run_id=run_id,
            session_id="s",
            commit_sha="c0ffee",
            repository="repo",
            spec={"job_files": ["ocr-jobs/a.toml"]},
            requested_by="anna",
            served_by="one",
        )
        with transaction(engine) as connection:
            runs.add(connection, new, at=BEGIN)
        return claim()

    return make


@pytest.fixture
def begin(databases: Databases, directory: RunsDirectory) -> Callable[[RunRow], tuple[ResultStore, AttemptKey]]:
    """Open what stores results, as an executor does; whoever asks closes it."""

    def begin(row: RunRow) -> tuple[ResultStore, AttemptKey]:
        directory.run(row.run_id).root.mkdir(parents=True, exist_ok=True)
        store, key = databases.open_results(row.run_id), AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)
        store.take_over(key, row.owner)
        return store, key

    return begin
