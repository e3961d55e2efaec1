"""What is on record of run ids, before anything of theirs is removed."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store import claims, intents, runs, sessions
from supervisor.store.endings import OnRecord, on_record
from supervisor.store.engine import transaction
from support.clocks import HandClock

At = Callable[[float], datetime]


@pytest.fixture(autouse=True)
def _session(session: str) -> None:
    """There is one."""


def test_how_runs_stand(engine: Engine, add_run: Callable[..., int], clock: HandClock, at: At) -> None:
    with transaction(engine) as connection:
        assert on_record(connection) == {}
        for name, ended in (("a", 5), ("a", 3), ("b", 7)):
            row = runs.get(connection, add_run(connection, name))
            values = {"finished_at": at(ended)}
            runs.transition(connection, row, RunStatus.CANCELLED, at=at(ended), actor="x", event="c", values=values)
            if name == "a":
                runs.settle(connection, row.id, at=at(ended))
        add_run(connection, "b")
        add_run(connection, "b", repository="another")
        assert claims.claim(connection, "w", clock) is not None
        asked = runs.get(connection, add_run(connection, "c"))
        assert intents.ask_to_pause(connection, asked, at=at(8), actor="anna")
        assert on_record(connection) == {
            "a": OnRecord(None, at(5), settled=True),
            "b": OnRecord("running", at(7), settled=False),
            "c": OnRecord("paused", None, settled=True),
        }
        assert on_record(connection, "a") == {"a": OnRecord(None, at(5), settled=True)}
        assert on_record(connection, "z") == {}


def test_what_is_queued_in_a_paused_session_is_paused(
    engine: Engine, add_run: Callable[..., int], session: str
) -> None:
    with transaction(engine) as connection:
        add_run(connection, "a")
        assert on_record(connection)["a"].active == "queued"
        assert sessions.pause(connection, session)
        assert on_record(connection)["a"].active == "paused"
