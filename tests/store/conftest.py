from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Connection, Engine

from supervisor.store import claims, runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.runs import NewRun, RunRow
from support.clocks import BEGIN, HandClock


@pytest.fixture(scope="session")
def at() -> Callable[[float], datetime]:
    """Return the moment so many seconds after the tests' beginning of time, which is past on every server."""
    return lambda seconds: BEGIN + timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def add_run() -> Callable[..., int]:
    """Queue a run, in a session that is there."""

    def add(connection: Connection, run_id: str, *, session_id: str = "s", when: float = 0, **others: Any) -> int:
        values = {"commit_sha": "c0ffee", "repository": "repo", "spec": {"jobs": []}, "requested_by": "anna"}
        new = NewRun(run_id=run_id, session_id=session_id, **{**values, "served_by": "one", **others})
        return runs.add(connection, new, at=BEGIN + timedelta(seconds=when))

    return add


@pytest.fixture
def session(engine: Engine) -> str:
    with transaction(engine) as connection:
        sessions.add(connection, "s", "letters", at=BEGIN)
    return "s"


@pytest.fixture
def claimed(engine: Engine, session: str, add_run: Callable[..., int], clock: HandClock) -> RunRow:
    """A run under its first lease term."""
    with transaction(engine) as connection:
        add_run(connection, "a", session_id=session)
        row = claims.claim(connection, "w1", clock)
    assert row is not None
    return row
