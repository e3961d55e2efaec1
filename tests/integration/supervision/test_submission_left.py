"""Runs that are named for others to execute, when somebody who is gone had them."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.store.tables import sessions as table

Submitter = Any  # stands in conftest.py, which importlib mode keeps from being imported
NewSubmitter = Callable[..., Submitter]


def sessions_of(engine: Engine) -> set[str]:
    with transaction(engine) as connection:
        return set(connection.scalars(sa.select(table.c.id)))


def session_of(engine: Engine, run: int) -> str:
    with transaction(engine) as connection:
        return runs.get(connection, run).session_id


@pytest.mark.parametrize("claim", [0, 2])
def test_what_is_left_to_others_stays_in_its_session_whatever_else_is_in_it(
    engine: Engine, submitter: NewSubmitter, claim: int
) -> None:
    dead = submitter()
    left = dead.submit("a", "b", claim=claim)
    dead.kill()
    answer = submitter().submit("a", workers=0)
    assert (answer["session"], answer["rows"]) == (left["session"], left["rows"][:1])
    assert sessions_of(engine) == {left["session"]}
    assert session_of(engine, answer["rows"][0]) == left["session"]


def test_running_runs_of_several_sessions_get_no_empty_one(engine: Engine, submitter: NewSubmitter) -> None:
    dead = submitter()
    [one, another] = [dead.submit(name, claim=1) for name in "ab"]
    dead.kill()
    answer = submitter().submit("b", "a", workers=0)
    assert answer["session"] == another["session"], "that of the run that was named first"
    assert answer["rows"] == [*another["rows"], *one["rows"]]
    assert sessions_of(engine) == {one["session"], another["session"]}


def test_what_can_be_moved_or_is_new_comes_together(engine: Engine, submitter: NewSubmitter) -> None:
    dead = submitter()
    running, queued = dead.submit("a", claim=1), dead.submit("b")
    dead.kill()
    answer = submitter().submit("a", "b", "c", workers=0)
    assert answer["rows"][:2] == [*running["rows"], *queued["rows"]]
    assert answer["session"] not in {running["session"], queued["session"]}
    assert [session_of(engine, row) for row in answer["rows"]] == [running["session"], *[answer["session"]] * 2]
