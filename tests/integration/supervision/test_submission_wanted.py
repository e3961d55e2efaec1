"""Runs that somebody has paused or cancelled, and that are named again."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store import intents, runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.events import history
from supervisor.store.moments import database_now
from supervisor.store.runs import RunRow
from support.run_queue import CLOCK

Submitter = Any  # stands in conftest.py, which importlib mode keeps from being imported
NewSubmitter = Callable[..., Submitter]


def ask(engine: Engine, run: int, wanted: Callable[..., bool]) -> None:
    with transaction(engine) as connection:
        row = runs.get(connection, run)
        assert wanted(connection, row, at=database_now(connection, CLOCK), actor="bert")


def row_of(engine: Engine, run: int) -> RunRow:
    with transaction(engine) as connection:
        return runs.get(connection, run)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("commit", ["c0ffee", "beef"])
def test_a_paused_run_is_refused_until_it_is_resumed(
    engine: Engine, submitter: NewSubmitter, workers: int, commit: str
) -> None:
    dead = submitter()
    [a, _] = dead.submit("a", "b")["rows"]
    ask(engine, a, intents.ask_to_pause)
    dead.kill()
    refused = submitter().submit("a", workers=workers, commit=commit)
    assert (refused["refused"], refused["exit_code"]) == ("run 'a' is paused; nothing was started", 3)
    assert refused["hint"] == "supervisor resume a"
    together = submitter().submit("a", "b", "c", workers=workers)
    assert together["refused"] == "run 'a' is paused; nothing was started", "if one is refused, none starts"
    ask(engine, a, intents.ask_to_go_on)
    [row] = submitter().submit("a", workers=workers, commit=commit)["rows"]
    assert (row == a) == (commit == "c0ffee")


def test_with_a_paused_session_that_is_what_has_to_be_resumed(engine: Engine, submitter: NewSubmitter) -> None:
    dead = submitter()
    left = dead.submit("a", "b", claim=1)
    with transaction(engine) as connection:
        sessions.pause(connection, left["session"])
    live = submitter().submit("c", claim=1)
    refused = submitter().submit("a", "b")
    said = f"run 'a' is running (pid {dead.pid} on {{}}, to be paused); run 'b' is paused; nothing was started"
    assert refused["refused"] == said.format(refused["refused"].split(" on ")[1].split(",")[0])
    assert refused["hint"] == f"supervisor resume session:{left['session']}"
    mixed = submitter().submit("b", "c")
    assert "wait for it to end" in mixed["hint"], "resuming alone would not help"
    assert live["rows"]


@pytest.mark.parametrize("workers", [0, 2])
def test_what_was_to_be_cancelled_is_when_its_supervisor_is_gone(
    engine: Engine, submitter: NewSubmitter, workers: int
) -> None:
    dead = submitter()
    [a] = dead.submit("a", claim=1)["rows"]
    ask(engine, a, intents.ask_to_cancel)
    assert submitter().submit("a", workers=workers)["exit_code"] == 3, "its supervisor lives, and sees to it"
    dead.kill()
    [again] = submitter().submit("a", workers=workers)["rows"]
    assert again != a
    left, new = row_of(engine, a), row_of(engine, again)
    assert (left.status, left.error) == (RunStatus.CANCELLED, "cancelled by bert")
    assert (new.status, new.attempt, new.cancel_requested_at) == (RunStatus.QUEUED, 2, None)
    with transaction(engine) as connection:
        [*_, last] = history(connection, a)
    assert (last.event, last.actor, last.detail["reason"]) == (
        "cancelled",
        "anna",
        "cancelled by bert; it was named again",
    )
