"""Submissions beside others that change the same runs at the same time: all lock sessions first, then rows."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.moments import database_now
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs as table
from support.run_queue import CLOCK

Submitter = Any  # stands in conftest.py, which importlib mode keeps from being imported
NewSubmitter = Callable[..., Submitter]
WaitUntil = Callable[..., None]

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)  # a file has one writer at a time


@pytest.fixture
def left(engine: Engine, submitter: NewSubmitter) -> list[RunRow]:
    """What a dead supervisor left behind: a running, and b, queued."""
    dead = submitter()
    rows = dead.submit("a", "b", claim=1)["rows"]
    dead.kill()
    with transaction(engine) as connection:
        return runs.of_rows(connection, rows)


def row_of(engine: Engine, run: int) -> RunRow:
    with transaction(engine) as connection:
        return runs.get(connection, run)


def session_of(engine: Engine, session_id: str) -> str:
    with transaction(engine) as connection:
        return sessions.get(connection, session_id).status


def waiting_for_locks(engine: Engine) -> int:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with transaction(engine) as connection:
        return int(connection.scalar(sa.text(waiting)) or 0)


@pytest.mark.parametrize("run_ids", [("a", "b"), ("a",)])
@pytest.mark.parametrize("commit", ["c0ffee", "decaf"])
def test_who_ends_a_run_that_is_being_named_again_comes_first(  # noqa: PLR0917 (fixtures)
    engine: Engine,
    submitter: NewSubmitter,
    left: list[RunRow],
    wait_until: WaitUntil,
    run_ids: tuple[str, ...],
    commit: str,
) -> None:
    running, queued = left
    heir = submitter()
    with transaction(engine) as connection:
        sessions.lock(connection, running.session_id)
        heir.tell(run_ids=run_ids, commit=commit)
        wait_until(lambda: waiting_for_locks(engine) == 1)
        # With the row locked by the heir, this would wait for it, and it for us.
        connection.execute(sa.text("SET LOCAL lock_timeout = '1ms'"))
        assert runs.hold(connection, running)
        at = database_now(connection, CLOCK)
        assert runs.transition(connection, running, RunStatus.SUCCEEDED, at=at, actor="x", event="succeeded")
        sessions.conclude(connection, running.session_id, at=at)
    answer = heir.answer()
    assert answer["rows"][0] not in {running.id, queued.id}, "it has ended: it is done again"
    assert row_of(engine, running.id).status is RunStatus.SUCCEEDED
    assert row_of(engine, answer["rows"][0]).attempt == 2
    if len(run_ids) == 1:
        assert session_of(engine, running.session_id) == "running", "b waits in it"
    else:
        assert session_of(engine, running.session_id) == ("completed" if commit == "c0ffee" else "cancelled")


def test_a_run_that_comes_into_another_session_meanwhile_is_locked_there(
    engine: Engine, submitter: NewSubmitter, left: list[RunRow], wait_until: WaitUntil
) -> None:
    _, queued = left
    heir = submitter()
    with transaction(engine) as connection:
        sessions.add(connection, "t", "elsewhere", at=database_now(connection, CLOCK))
    with transaction(engine) as there:
        with transaction(engine) as here:
            sessions.lock(here, queued.session_id)
            heir.tell(run_ids=["b"], workers=0)
            wait_until(lambda: waiting_for_locks(engine) == 1)
            sessions.reopen(there, "t")  # the lock of an update, beside which rows may come in
            runs.move(here, queued, "t", at=database_now(here, CLOCK), actor="x")
        wait_until(lambda: waiting_for_locks(engine) == 1)
        # Who ends it there has locked the session, and finds the row free.
        free = sa.select(table.c.session_id).where(table.c.id == queued.id).with_for_update(nowait=True)
        assert there.scalar(free) == "t"
    answer = heir.answer()
    assert (answer["rows"], answer["session"]) == ([queued.id], "t")


def test_who_was_chosen_to_end_a_deadlock_submits_again(
    engine: Engine, submitter: NewSubmitter, left: list[RunRow], wait_until: WaitUntil
) -> None:
    """People may lock in any order by hand."""
    running, queued = left
    heir = submitter()
    with transaction(engine) as connection:
        connection.execute(sa.text("SET LOCAL deadlock_timeout = '20s'"))  # it is seen by the other one
        assert runs.hold(connection, running)
        heir.tell(run_ids=["a", "b"])
        wait_until(lambda: waiting_for_locks(engine) == 1)
        sessions.lock(connection, running.session_id)
        wait_until(lambda: waiting_for_locks(engine) == 1)
    assert heir.answer()["rows"] == [running.id, queued.id]
