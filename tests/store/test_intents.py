"""What is wanted of runs, as people ask for it and as holders read it."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy.engine import Connection, Engine

from supervisor.model.intents import Intent
from supervisor.model.states import RunStatus
from supervisor.store import claims, intents, runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.events import history
from supervisor.store.runs import RunHead, RunRow
from support.clocks import HandClock

At = Callable[[float], datetime]


def end(connection: Connection, row: RunHead, at: datetime, status: RunStatus = RunStatus.SUCCEEDED) -> None:
    assert runs.transition(connection, row, status, at=at, actor="w1", event=status)


def told(connection: Connection, run: int) -> list[tuple[str, str, int, RunStatus | None]]:
    """Return the events of a run that are no changes of state, as what, by whom and under which term."""
    events = history(connection, run)
    return [(one.event, one.actor, one.lease_term, one.from_status) for one in events if one.to_status is None]


def test_of_nothing_nothing_is_wanted(engine: Engine, claimed: RunRow) -> None:
    with transaction(engine) as connection:
        assert intents.wanted(connection, [claimed.id]) == {}
        assert intents.wanted(connection, []) == {}
        assert intents.wanted(connection, [4711]) == {}


def test_cancelling_is_asked_for_once_and_goes_before_pausing(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        assert intents.ask_to_pause(connection, claimed, at=at(1), actor="anna")
        assert intents.wanted(connection, [claimed.id]) == {claimed.id: Intent.PAUSE}
        assert intents.ask_to_cancel(connection, claimed, at=at(2), actor="bert")
        assert intents.wanted(connection, [claimed.id]) == {claimed.id: Intent.CANCEL}
        assert not intents.ask_to_cancel(connection, claimed, at=at(3), actor="carl")
        assert intents.reason(connection, claimed.id, Intent.CANCEL) == "cancelled by bert"
        assert intents.reason(connection, claimed.id, Intent.PAUSE) == "paused by anna"
        row = runs.get(connection, claimed.id)
        assert (row.pause_requested_at, row.cancel_requested_at, row.status) == (at(1), at(2), RunStatus.RUNNING)
        assert told(connection, claimed.id) == [
            ("pause_requested", "anna", 1, None),
            ("cancel_requested", "bert", 1, None),
        ]


def test_a_queued_run_is_paused_and_goes_on(engine: Engine, claimed: RunRow, clock: HandClock, at: At) -> None:
    with transaction(engine) as connection:
        end(connection, claimed, at(1), RunStatus.QUEUED)
        # As it was seen while it was running.
        assert intents.ask_to_pause(connection, claimed, at=at(2), actor="anna")
        assert not intents.ask_to_pause(connection, claimed, at=at(3), actor="bert")
        assert claims.claim(connection, "w1", clock) is None
        assert claims.queued(connection, claims.Scope()) == set()
        assert intents.wanted(connection, [claimed.id]) == {}, "nobody holds it"
        assert intents.paused(connection, [claimed.id, 4711]) == {claimed.id: "a"}
        assert intents.ask_to_go_on(connection, claimed, at=at(4), actor="anna")
        assert intents.paused(connection, [claimed.id]) == {}
        assert not intents.ask_to_go_on(connection, claimed, at=at(5), actor="bert")
        assert claims.queued(connection, claims.Scope()) == {claimed.id}
        again = claims.claim(connection, "w1", clock)
        assert again is not None
        assert (again.attempt, again.lease_term) == (1, 2)
        assert told(connection, claimed.id) == [("pause_requested", "anna", 1, None), ("resumed", "anna", 1, None)]


def test_who_takes_the_pause_back_in_time_lets_a_running_run_be(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        intents.ask_to_pause(connection, claimed, at=at(1), actor="anna")
        assert intents.ask_to_go_on(connection, claimed, at=at(2), actor="anna")
        assert intents.wanted(connection, [claimed.id]) == {}


@pytest.mark.parametrize("ask", [intents.ask_to_cancel, intents.ask_to_pause, intents.ask_to_go_on])
def test_nothing_can_be_wanted_of_a_run_that_has_ended(
    engine: Engine, claimed: RunRow, at: At, *, ask: Callable[..., bool]
) -> None:
    with transaction(engine) as connection:
        intents.ask_to_pause(connection, claimed, at=at(1), actor="anna")
        end(connection, claimed, at(2))
        before, story = runs.get(connection, claimed.id), history(connection, claimed.id)
        assert not ask(connection, claimed, at=at(3), actor="bert")
        assert (runs.get(connection, claimed.id), history(connection, claimed.id)) == (before, story)
        assert intents.wanted(connection, [claimed.id]) == {}


def test_a_queued_run_has_nobody_who_could_be_asked_to_cancel_it(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        end(connection, claimed, at(1), RunStatus.QUEUED)
        assert not intents.ask_to_cancel(connection, claimed, at=at(2), actor="anna")
        assert runs.get(connection, claimed.id).cancel_requested_at is None


def test_all_runs_of_a_paused_session_pause(
    engine: Engine, claimed: RunRow, add_run: Callable[..., int], clock: HandClock, at: At
) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "t", "others", at=at(0))
        other = add_run(connection, "b", session_id="t")
        third = add_run(connection, "c")
        assert sessions.pause(connection, "s")
        row = claims.claim(connection, "w2", clock)
        assert row is not None
        assert row.id == other
        assert claims.claim(connection, "w3", clock) is None
        assert intents.wanted(connection, [claimed.id, other]) == {claimed.id: Intent.PAUSE}
        assert intents.reason(connection, claimed.id, Intent.PAUSE) == "its session is paused"
        intents.ask_to_cancel(connection, claimed, at=at(1), actor="anna")
        assert intents.wanted(connection, [claimed.id, other]) == {claimed.id: Intent.CANCEL}
        assert intents.paused(connection, [claimed.id, other, third]) == {
            claimed.id: "session:s",
            third: "session:s",
        }
        assert sessions.resume(connection, "s", at=at(2))
        assert claims.claim(connection, "w3", clock) is not None
