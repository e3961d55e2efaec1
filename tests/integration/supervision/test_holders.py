"""Runs that are named while somebody else may have them: a worker on its own, one by hand, one on another machine."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store import claims, intents, runs
from supervisor.store.engine import transaction
from supervisor.store.events import history
from supervisor.store.moments import database_now
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs as runs_table
from supervisor.store.tables import supervisors as supervisors_table
from support.run_queue import CLOCK

Submitter = Any  # stands in conftest.py, which importlib mode keeps from being imported
NewSubmitter = Callable[..., Submitter]


def row_of(engine: Engine, run: int) -> RunRow:
    with transaction(engine) as connection:
        return runs.get(connection, run)


def set_last_beat(engine: Engine, table: sa.Table, *, seconds_ago: float) -> None:
    with transaction(engine) as connection:
        at = database_now(connection, CLOCK) - timedelta(seconds=seconds_ago)
        connection.execute(sa.update(table).values(heartbeat_at=at))


def claim_by_hand(engine: Engine) -> RunRow:
    with transaction(engine) as connection:
        row = claims.claim(connection, "by-hand", CLOCK)
    assert row is not None
    return row


def test_a_run_left_to_others_has_no_supervisor_and_can_be_continued(engine: Engine, submitter: NewSubmitter) -> None:
    starter, executing = submitter(), submitter()
    left = starter.submit("a", workers=0)
    assert left["workers"] == []
    assert row_of(engine, left["rows"][0]).served_by is None
    # Who left it to others lives, and has nothing to do with it.
    answer = executing.submit("a")
    assert (answer["session"], answer["rows"]) == (left["session"], left["rows"])
    served_by = row_of(engine, left["rows"][0]).served_by
    assert answer["workers"] == [f"{served_by}-1", f"{served_by}-2"]
    refused = starter.submit("a", workers=0)["refused"]
    assert f"run 'a' is queued (pid {executing.pid} on " in refused
    executing.kill()
    assert starter.submit("a", workers=0)["rows"] == left["rows"]
    assert row_of(engine, left["rows"][0]).served_by is None
    with transaction(engine) as connection:
        told = [(event.event, event.actor, event.detail.get("to")) for event in history(connection, left["rows"][0])]
    assert told == [("queued", "anna", None), ("continued", "anna", served_by), ("continued", "anna", None)]


@pytest.mark.parametrize("any_session", [True, False])
def test_a_queued_run_is_refused_while_a_worker_is_there_for_it(
    engine: Engine, submitter: NewSubmitter, *, any_session: bool
) -> None:
    starter, worker, other = submitter(), submitter(), submitter()
    left = starter.submit("a", workers=0)
    worker.work(None if any_session else left["session"])
    for workers in (2, 0):
        answer = other.submit("a", workers=workers)
        assert answer["refused"].startswith(f"run 'a' is queued (pid {worker.pid} on ")
        assert answer["exit_code"] == 3
    assert row_of(engine, left["rows"][0]).served_by is None
    worker.kill()
    assert other.submit("a")["rows"] == left["rows"]


def test_a_worker_for_other_runs_keeps_nobody_from_a_run(submitter: NewSubmitter) -> None:
    starter, other = submitter(), submitter()
    left, elsewhere = starter.submit("a", workers=0), starter.submit("b", workers=0)
    submitter().work(elsewhere["session"])
    submitter().work(repository="another")
    assert other.submit("a")["rows"] == left["rows"]
    assert "refused" in other.submit("b")


@pytest.mark.parametrize("same_work", [True, False])
def test_a_run_that_a_worker_without_supervisor_executes_is_refused_until_its_lease_has_expired(
    engine: Engine, submitter: NewSubmitter, *, same_work: bool
) -> None:
    starter, other = submitter(), submitter()
    left = starter.submit("a", workers=0)
    claimed = claim_by_hand(engine)
    assert claimed.id == left["rows"][0]
    commit = "c0ffee" if same_work else "decaf"
    for seconds_ago in (0, 55 if same_work else 85):
        set_last_beat(engine, runs_table, seconds_ago=seconds_ago)
        refused = other.submit("a", commit=commit)["refused"]
        assert refused == "run 'a' is running (worker by-hand); nothing was started"
    set_last_beat(engine, runs_table, seconds_ago=61 if same_work else 91)
    answer = other.submit("a", commit=commit)
    row = row_of(engine, claimed.id)
    if same_work:
        assert answer["rows"] == left["rows"]
        assert (row.status, row.claimed_by, row.lease_term) == (RunStatus.RUNNING, "by-hand", 1), "rescue takes it"
    else:
        assert answer["rows"] != left["rows"]
        assert (row.status, row.error) == (RunStatus.CANCELLED, "superseded")


def waiting_for_locks(engine: Engine) -> int:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with transaction(engine) as connection:
        return int(connection.scalar(sa.text(waiting)) or 0)


@pytest.mark.parametrize("commit", ["c0ffee", "decaf"])
def test_a_run_that_is_being_claimed_is_refused(
    engine: Engine, submitter: NewSubmitter, wait_until: Callable[..., None], *, commit: str
) -> None:
    starter, other = submitter(), submitter()
    [row] = starter.submit("a", workers=0)["rows"]
    with transaction(engine) as connection:
        assert claims.claim(connection, "by-hand", CLOCK)
        other.tell(run_ids=["a"], commit=commit)
        if engine.dialect.name == "postgresql":
            wait_until(lambda: waiting_for_locks(engine) == 1)
    assert other.answer()["refused"] == "run 'a' is running (worker by-hand); nothing was started"
    assert row_of(engine, row).status is RunStatus.RUNNING


@pytest.mark.parametrize("claim", [0, 1])
def test_what_a_supervisor_on_another_machine_has_is_refused_until_its_lease_has_expired(
    engine: Engine, submitter: NewSubmitter, *, claim: int
) -> None:
    there, here = submitter(), submitter()
    left = there.submit("a", claim=claim)
    with transaction(engine) as connection:
        elsewhere = {"host": "elsewhere", "machine_id": "m", "boot_id": "b"}
        connection.execute(sa.update(supervisors_table).values(elsewhere))
    set_last_beat(engine, supervisors_table, seconds_ago=55)
    state = "running" if claim else "queued"
    refused = f"run 'a' is {state} (pid {there.pid} on elsewhere); nothing was started"
    assert here.submit("a")["refused"] == refused
    set_last_beat(engine, supervisors_table, seconds_ago=61)
    assert here.submit("a")["rows"] == left["rows"]


def test_a_run_that_is_to_be_cancelled_is_ended_in_its_holders_place_no_sooner_than_a_rescuer_would(
    engine: Engine, submitter: NewSubmitter
) -> None:
    there, here = submitter(), submitter()
    [row] = there.submit("a", claim=1)["rows"]
    with transaction(engine) as connection:
        elsewhere = {"host": "elsewhere", "machine_id": "m", "boot_id": "b"}
        connection.execute(sa.update(supervisors_table).values(elsewhere))
        at = database_now(connection, CLOCK)
        assert intents.ask_to_cancel(connection, runs.get(connection, row), at=at, actor="anna")
    set_last_beat(engine, supervisors_table, seconds_ago=80)
    assert f"(pid {there.pid} on elsewhere)" in here.submit("a")["refused"]
    set_last_beat(engine, supervisors_table, seconds_ago=91)
    assert here.submit("a")["rows"] != [row]
    assert (row_of(engine, row).status, row_of(engine, row).error) == (RunStatus.CANCELLED, "cancelled by anna")


@pytest.mark.parametrize(("claim", "seconds"), [(0, 60), (1, 90)])
def test_other_work_takes_a_running_run_from_another_machine_no_sooner_than_a_rescuer_would(
    engine: Engine, submitter: NewSubmitter, *, claim: int, seconds: int
) -> None:
    there, here = submitter(), submitter()
    [row] = there.submit("a", claim=claim)["rows"]
    with transaction(engine) as connection:
        elsewhere = {"host": "elsewhere", "machine_id": "m", "boot_id": "b"}
        connection.execute(sa.update(supervisors_table).values(elsewhere))
    set_last_beat(engine, supervisors_table, seconds_ago=seconds - 10)
    assert f"(pid {there.pid} on elsewhere)" in here.submit("a", commit="decaf")["refused"]
    set_last_beat(engine, supervisors_table, seconds_ago=seconds + 1)
    assert here.submit("a", commit="decaf")["rows"] != [row]
    assert row_of(engine, row).status is RunStatus.CANCELLED


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_leases_are_judged_by_the_clock_of_the_server(engine: Engine, submitter: NewSubmitter) -> None:
    starter, other = submitter(), submitter()
    [row] = starter.submit("a", workers=0)["rows"]
    claim_by_hand(engine)
    assert "refused" in other.submit("a", hours_ahead=1)
    set_last_beat(engine, runs_table, seconds_ago=61)
    assert other.submit("a", hours_ahead=-1)["rows"] == [row]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_an_sqlite_file_with_everything_serves_one_supervisor_at_a_time(submitter: NewSubmitter) -> None:
    first, second = submitter(shared=True), submitter(shared=True)
    [row] = first.submit("a")["rows"]
    for answer in (second.submit("b"), second.work()):
        assert answer["refused"].startswith(f"the SQLite database is in use by pid {first.pid} on ")
        assert answer["exit_code"] == 2
    first.kill()
    assert second.submit("a")["rows"] == [row]
