"""Commands that name the same runs: at once, one after the other, and after the death of who named them first."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import runs, sessions, supervisors
from supervisor.store.engine import transaction
from supervisor.store.events import history
from supervisor.store.moments import database_now
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs as runs_table
from supervisor.store.tables import sessions as sessions_table
from supervisor.store.tables import supervisors as supervisors_table
from supervisor.store.tables import workers as workers_table
from support.run_queue import CLOCK, put

Submitter = Any  # stands in conftest.py, which importlib mode keeps from being imported
NewSubmitter = Callable[..., Submitter]


def row_of(engine: Engine, run: int) -> RunRow:
    with transaction(engine) as connection:
        return runs.get(connection, run)


def events_of(engine: Engine, run: int) -> list[str]:
    with transaction(engine) as connection:
        return [event.event for event in history(connection, run)]


def session_of(engine: Engine, session_id: str) -> SessionStatus:
    with transaction(engine) as connection:
        return sessions.get(connection, session_id).status


def counts(engine: Engine) -> list[int | None]:
    tables = (runs_table, sessions_table, supervisors_table, workers_table)
    with transaction(engine) as connection:
        return [connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables]


def race(racers: list[Submitter], *run_ids: str, **order: object) -> dict[Submitter, Any]:
    """Let all submit the same at the same moment; return what each is told."""
    begin = time.monotonic() + 0.01
    for racer in racers:
        racer.tell(run_ids=run_ids, begin=begin, **order)
    return {racer: racer.answer() for racer in racers}


def winner_of(answers: dict[Submitter, Any], run_id: str) -> Submitter:
    """Make sure that all but one are refused, and are told of that one."""
    [winner] = [racer for racer, answer in answers.items() if "rows" in answer]
    for racer, answer in answers.items():
        if racer is not winner:
            assert f"run '{run_id}' is queued (pid {winner.pid} on " in answer["refused"]
            assert "nothing was started" in answer["refused"]
            assert answer["exit_code"] == 3
    return winner


def test_of_two_that_submit_a_run_at_once_exactly_one_wins(engine: Engine, submitter: NewSubmitter) -> None:
    racers = [submitter(), submitter()]
    for number in range(25):
        winner_of(race(racers, f"r{number}", f"s{number}"), f"r{number}")
    assert counts(engine) == [50, 25, 25, 50]


def test_of_two_that_continue_a_run_at_once_exactly_one_wins(engine: Engine, submitter: NewSubmitter) -> None:
    racers, starter = [submitter(), submitter()], submitter()
    for number in range(10):
        [row] = starter.submit(f"r{number}", workers=0)["rows"]
        answers = race(racers, f"r{number}")
        assert answers[winner_of(answers, f"r{number}")]["rows"] == [row]
        assert events_of(engine, row) == ["queued", "continued"]
    assert counts(engine) == [10, 10, 10, 20]


def test_two_that_leave_a_run_to_others_at_once_make_one_row_of_it(engine: Engine, submitter: NewSubmitter) -> None:
    racers = [submitter(), submitter()]
    for number in range(10):
        first, second = race(racers, f"r{number}", workers=0).values()
        assert first == second
    assert counts(engine) == [10, 10, 0, 0]


def test_if_one_run_is_refused_none_starts(engine: Engine, submitter: NewSubmitter) -> None:
    first, second = submitter(), submitter()
    [row] = first.submit("b", claim=1)["rows"]
    before = counts(engine), row_of(engine, row)
    answer = second.submit("a", "b", "c")
    assert answer["refused"].startswith(f"run 'b' is running (pid {first.pid} on ")
    assert (counts(engine), row_of(engine, row)) == before
    assert "rows" in second.submit("a", "c")


def test_other_work_does_not_take_a_run_from_a_live_holder(submitter: NewSubmitter) -> None:
    first, second = submitter(), submitter()
    first.submit("a")
    assert f"(pid {first.pid} on " in second.submit("a", commit="decaf")["refused"]


def test_repositories_are_apart(submitter: NewSubmitter) -> None:
    first, second = submitter(), submitter()
    assert "rows" in first.submit("a")
    assert "rows" in second.submit("a", repository="another")


@pytest.mark.parametrize("claim", [0, 2])
def test_what_a_dead_supervisor_left_is_continued(engine: Engine, submitter: NewSubmitter, *, claim: int) -> None:
    dead = submitter()
    left = dead.submit("a", "b", claim=claim)
    dead.kill()
    before = [row_of(engine, row) for row in left["rows"]]
    assert [row.status is RunStatus.RUNNING for row in before] == [claim == 2] * 2
    heir = submitter()
    answer = heir.submit("b", "a")
    assert answer["session"] == left["session"]
    assert answer["rows"] == left["rows"][::-1]
    after = [row_of(engine, row) for row in left["rows"]]
    assert {row.served_by for row in after} == {worker.rpartition("-")[0] for worker in answer["workers"]}
    assert [replace(row, served_by=None, available_at=None) for row in after] == [
        replace(row, served_by=None, available_at=None) for row in before
    ], "rescue changes rows, not submission"
    # The heir has not rescued them yet, and they are its own all the same.
    assert f"(pid {heir.pid} on " in submitter().submit("a")["refused"]


def test_what_rests_after_a_failure_is_due_at_once_when_it_is_named_again(
    engine: Engine, submitter: NewSubmitter
) -> None:
    dead = submitter()
    [row] = dead.submit("a")["rows"]
    dead.kill()
    with transaction(engine) as connection:
        later = database_now(connection, CLOCK) + timedelta(hours=1)
        connection.execute(sa.update(runs_table).where(runs_table.c.id == row).values(available_at=later))
    submitter().submit("a")
    with transaction(engine) as connection:
        assert runs.get(connection, row).available_at <= database_now(connection, CLOCK)


def test_a_session_is_continued_only_whole(engine: Engine, submitter: NewSubmitter) -> None:
    dead = submitter()
    left = dead.submit("a", "b")
    dead.kill()
    first, second = submitter(), submitter()
    one = first.submit("a")
    assert one["rows"] == left["rows"][:1]
    assert one["session"] != left["session"], "its workers would execute b, too"
    assert row_of(engine, one["rows"][0]).session_id == one["session"]
    assert events_of(engine, one["rows"][0]) == ["queued", "continued", "moved"]
    rest = second.submit("b")
    assert (rest["session"], rest["rows"]) == (left["session"], left["rows"][1:])
    assert session_of(engine, left["session"]) is SessionStatus.RUNNING


def test_a_run_of_a_session_that_is_continued_in_part_stays_in_its_lane_until_it_is_rescued(
    engine: Engine, submitter: NewSubmitter
) -> None:
    dead = submitter()
    left = dead.submit("a", "b", claim=2)
    dead.kill()
    answer = submitter().submit("a")
    assert answer["rows"] == left["rows"][:1]
    assert answer["session"] != left["session"]
    row = row_of(engine, answer["rows"][0])
    assert (row.session_id, row.status) == (left["session"], RunStatus.RUNNING)
    assert events_of(engine, row.id) == ["queued", "claimed", "continued"]


def test_a_session_whose_last_run_goes_on_elsewhere_has_ended(engine: Engine, submitter: NewSubmitter) -> None:
    dead = submitter()
    left = dead.submit("a", "b", claim=1)
    dead.kill()
    put(engine, row_of(engine, left["rows"][0]), RunStatus.SUCCEEDED, actor="x", event="succeeded")
    assert session_of(engine, left["session"]) is SessionStatus.RUNNING
    answer = submitter().submit("b", "c")
    assert answer["session"] != left["session"]
    assert answer["rows"][0] == left["rows"][1]
    assert row_of(engine, left["rows"][1]).session_id == answer["session"]
    assert events_of(engine, left["rows"][1]) == ["queued", "continued", "moved"]
    assert session_of(engine, answer["session"]) is SessionStatus.RUNNING
    assert session_of(engine, left["session"]) is SessionStatus.COMPLETED


def test_what_a_supervisor_left_queued_when_it_signed_off_is_continued(engine: Engine, submitter: NewSubmitter) -> None:
    first = submitter()
    left = first.submit("a")
    with transaction(engine) as connection:
        me = runs.get(connection, left["rows"][0]).served_by
        assert me is not None
        supervisors.sign_off(connection, me, at=database_now(connection, CLOCK))
    assert submitter().submit("a")["rows"] == left["rows"]


@pytest.mark.parametrize("claim", [0, 1])
def test_other_work_supersedes_what_a_dead_supervisor_left(
    engine: Engine, submitter: NewSubmitter, *, claim: int
) -> None:
    dead = submitter()
    left = dead.submit("a", claim=claim)
    dead.kill()
    answer = submitter().submit("a", commit="decaf")
    [old], [new] = left["rows"], answer["rows"]
    assert new != old
    assert answer["session"] != left["session"]
    superseded, made = row_of(engine, old), row_of(engine, new)
    assert (superseded.status, superseded.error) == (RunStatus.CANCELLED, "superseded")
    assert events_of(engine, old) == ["queued", *["claimed"] * claim, "superseded"]
    expected = (RunStatus.QUEUED, 2, claim, "decaf")
    assert (made.status, made.attempt, made.lease_term, made.commit_sha) == expected
    assert session_of(engine, left["session"]) is SessionStatus.CANCELLED
    assert session_of(engine, answer["session"]) is SessionStatus.RUNNING


LANE_A = {"lane": "A", "priority": 7, "max_retries": 0, "timeout_seconds": 90}
LANE_B = {"lane": "B", "priority": 200, "max_retries": 5, "timeout_seconds": 30}


def handling_of(engine: Engine, run: int) -> dict[str, object]:
    row = row_of(engine, run)
    return {name: getattr(row, name) for name in LANE_A}


def test_how_runs_are_handled_is_stored_with_each_of_them(engine: Engine, submitter: NewSubmitter) -> None:
    [a, b, c] = submitter().submit("a", "b", "c", handling={"a": LANE_A, "b": LANE_B})["rows"]
    assert handling_of(engine, a) == LANE_A
    assert handling_of(engine, b) == LANE_B
    assert handling_of(engine, c) == {"lane": None, "priority": 100, "max_retries": 3, "timeout_seconds": None}


def test_a_run_is_handled_as_it_was_asked_for_last(engine: Engine, submitter: NewSubmitter) -> None:
    dead = submitter()
    left = dead.submit("a", "b", claim=1, handling={"a": LANE_A, "b": LANE_A})
    dead.kill()
    [running, queued] = submitter().submit("a", "b", handling={"a": LANE_B, "b": LANE_B})["rows"]
    assert [running, queued] == left["rows"]
    assert handling_of(engine, queued) == LANE_B
    assert handling_of(engine, running) == {**LANE_B, "lane": "A"}, "it occupies its lane"
