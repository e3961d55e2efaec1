from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Connection, Engine

from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.runs import NewRun, RunRow

BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    """Return the moment so many seconds after the tests' beginning of time."""
    return lambda seconds: BEGIN + timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def add_run() -> Callable[..., int]:
    """Queue a run, in a session that is made if need be."""

    def add(connection: Connection, run_id: str, *, session_id: str = "s", when: float = 0) -> int:
        new = NewRun(run_id, session_id, "c0ffee", "repo", {"jobs": []}, requested_by="anna", served_by="one")
        return runs.add(connection, new, at=BEGIN + timedelta(seconds=when))

    return add


@pytest.fixture
def session(engine: Engine) -> str:
    with transaction(engine) as connection:
        sessions.add(connection, "s", "letters", at=BEGIN)
    return "s"


@pytest.fixture
def claimed(engine: Engine, session: str, add_run: Callable[..., int]) -> RunRow:
    """A run under its first lease term."""
    with transaction(engine) as connection:
        run = add_run(connection, "a", session_id=session)
        row = runs.claim(connection, "w1", [run], at=BEGIN)
    assert row is not None
    return row
