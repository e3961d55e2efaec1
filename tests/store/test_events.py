"""Each change of state has exactly one event, made with it or not at all."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store import claims, runs
from supervisor.store.engine import transaction
from supervisor.store.events import Event, history, is_recorded
from supervisor.store.runs import RunRow
from supervisor.store.tables import run_events
from supervisor.store.tables import runs as table
from support.clocks import HandClock

At = Callable[[float], datetime]
QUEUED = {"commit": "c0ffee", "lane": None, "priority": 100}
CLAIMED = {"reason": "next in the queue"}


def state(engine: Engine, run: int) -> tuple[RunRow, list[Event]]:
    with transaction(engine) as connection:
        return runs.get(connection, run), history(connection, run)


def test_the_history_tells_who_did_what_when_and_why(engine: Engine, claimed: RunRow, clock: HandClock, at: At) -> None:
    clock.seconds = 4
    with transaction(engine) as connection:
        runs.transition(
            connection, claimed, RunStatus.QUEUED, at=at(3), actor="s2", event="rescued", detail={"reason": "gone"}
        )
        again = claims.claim(connection, "w2", clock)
    assert claimed.claimed_at is not None
    assert again is not None
    assert again.claimed_at is not None
    assert state(engine, claimed.id)[1] == [
        Event(claimed.id, 1, 0, at(0), "anna", "queued", None, RunStatus.QUEUED, QUEUED),
        Event(claimed.id, 1, 1, claimed.claimed_at, "w1", "claimed", RunStatus.QUEUED, RunStatus.RUNNING, CLAIMED),
        Event(claimed.id, 1, 1, at(3), "s2", "rescued", RunStatus.RUNNING, RunStatus.QUEUED, {"reason": "gone"}),
        Event(claimed.id, 1, 2, again.claimed_at, "w2", "claimed", RunStatus.QUEUED, RunStatus.RUNNING, CLAIMED),
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


def test_who_makes_a_change_again_is_told_that_it_was_made_and_nobody_else(
    engine: Engine, claimed: RunRow, at: At
) -> None:
    def fail(actor: str, event: str) -> bool:
        with transaction(engine) as connection:
            return runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor=actor, event=event)

    assert fail("x", "failed")
    after = state(engine, claimed.id)
    assert fail("x", "failed")
    assert not fail("y", "failed")
    assert not fail("x", "superseded")
    assert state(engine, claimed.id) == after


def test_an_event_is_known_by_row_term_actor_name_and_state_at_whatever_time(
    engine: Engine, claimed: RunRow, at: At
) -> None:
    *_, event = state(engine, claimed.id)[1]
    others: list[dict[str, object]] = [
        {"run": claimed.id + 1},
        {"lease_term": 2},
        {"actor": "w2"},
        {"event": "rescued"},
        {"to_status": RunStatus.QUEUED},
        {"to_status": None},
    ]
    with transaction(engine) as connection:
        assert is_recorded(connection, replace(event, at=at(99), detail={}))
        assert not [other for other in others if is_recorded(connection, replace(event, **other))]  # type: ignore[arg-type]


def test_what_cannot_be_stored_is_replaced_in_what_an_event_says(engine: Engine, claimed: RunRow, at: At) -> None:
    actor, reason = "an\0na \udcff", "no\0such \udcff file"
    for _ in range(2):  # it is known again by what was stored
        with transaction(engine) as connection:
            assert runs.transition(
                connection,
                claimed,
                RunStatus.FAILED,
                at=at(1),
                actor=actor,
                event="failed",
                detail={"reason": reason, "from": None, "count": 3},
            )
    *_, before, event = state(engine, claimed.id)[1]
    assert before.event == "claimed"
    assert event.actor == "an\N{REPLACEMENT CHARACTER}na \\udcff"
    assert event.detail == {"reason": "no\N{REPLACEMENT CHARACTER}such \\udcff file", "from": None, "count": 3}
