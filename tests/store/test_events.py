"""Each change of state has exactly one event, made with it or not at all."""

from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.store.events import Event, history
from supervisor.store.runs import RunRow
from supervisor.store.tables import run_events
from supervisor.store.tables import runs as table

At = Callable[[float], datetime]


def state(engine: Engine, run: int) -> tuple[RunRow, list[Event]]:
    with transaction(engine) as connection:
        return runs.get(connection, run), history(connection, run)


def test_the_history_tells_who_did_what_when_and_why(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        runs.transition(
            connection, claimed, RunStatus.QUEUED, at=at(3), actor="s2", event="rescued", detail={"reason": "gone"}
        )
        runs.claim(connection, "w2", [claimed.id], at=at(4))
    assert state(engine, claimed.id)[1] == [
        Event(claimed.id, 1, 0, at(0), "anna", "queued", None, RunStatus.QUEUED, {"commit": "c0ffee"}),
        Event(claimed.id, 1, 1, at(0), "w1", "claimed", RunStatus.QUEUED, RunStatus.RUNNING, {}),
        Event(claimed.id, 1, 1, at(3), "s2", "rescued", RunStatus.RUNNING, RunStatus.QUEUED, {"reason": "gone"}),
        Event(claimed.id, 1, 2, at(4), "w2", "claimed", RunStatus.QUEUED, RunStatus.RUNNING, {}),
    ]


def test_without_its_event_a_transition_does_not_happen(engine: Engine, claimed: RunRow, at: At) -> None:
    before = state(engine, claimed.id)
    detail = {"reason": object()}  # cannot be stored, which shows when the row is changed already
    with pytest.raises(sa.exc.StatementError), transaction(engine) as connection:
        runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed", detail=detail)
    assert state(engine, claimed.id) == before


def test_what_fails_after_a_transition_takes_it_back_with_its_event(engine: Engine, claimed: RunRow, at: At) -> None:
    before = state(engine, claimed.id)

    def fail() -> None:
        with transaction(engine) as connection:
            assert runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed")
            assert len(history(connection, claimed.id)) == len(before[1]) + 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert state(engine, claimed.id) == before


@pytest.mark.usefixtures("session")
def test_a_row_that_cannot_be_made_leaves_no_event(engine: Engine, add_run: Callable[..., int]) -> None:
    with transaction(engine) as connection:
        add_run(connection, "a")

    def add_two() -> None:
        with transaction(engine) as connection:
            add_run(connection, "b")
            add_run(connection, "a")

    with pytest.raises(sa.exc.IntegrityError):
        add_two()
    with transaction(engine) as connection:
        assert connection.scalars(sa.select(table.c.run_id)).all() == ["a"]
        assert connection.scalar(sa.select(sa.func.count()).select_from(run_events)) == 1
