from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.model.states import WorkerStatus
from supervisor.store import sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.supervisors import Heard, SupervisorRow
from supervisor.store.tables import workers

At = Callable[[float], datetime]
ONE = SupervisorRow(
    id="one",
    host="desk",
    machine_id="m",
    boot_id="b",
    pid=42,
    pid_namespace="pid:[1]",
    process_started_at=1234.5,
    version="0.1",
    desired_workers=2,
    runs_directory="/srv/runs",
    lease_seconds=60,
)
TWO = replace(ONE, id="two", pid=43, machine_id=None, boot_id=None, pid_namespace=None, lease_seconds=6)


def register(connection: Connection, row: SupervisorRow, scope: Scope, at: datetime) -> None:
    supervisors.register(connection, row, [f"{row.id}-1", f"{row.id}-2"], scope, at=at)


def state(connection: Connection) -> dict[str, tuple[Any, ...]]:
    """Return status, run and last beat of each worker."""
    return {row.id: (row.status, row.current_run, row.heartbeat_at) for row in connection.execute(sa.select(workers))}


@pytest.fixture
def both(engine: Engine, session: str, at: At) -> None:
    with transaction(engine) as connection:
        for row in (ONE, TWO):
            register(connection, row, Scope(session, ["repo"]), at(0))


@pytest.mark.usefixtures("both")
def test_workers_of_a_supervisor(engine: Engine, session: str, at: At) -> None:
    with transaction(engine) as connection:
        assert supervisors.present(connection, "one") == Heard(ONE, at(0))
        assert supervisors.present(connection, "two") == Heard(TWO, at(0))
        assert supervisors.present(connection, "nobody") is None
        supervisors.set_worker(connection, "one-1", WorkerStatus.BUSY, run=7, at=at(1))
        assert state(connection) == {
            "one-1": ("busy", 7, at(1)),
            "one-2": ("idle", None, at(0)),
            "two-1": ("idle", None, at(0)),
            "two-2": ("idle", None, at(0)),
        }
        row = connection.execute(sa.select(workers).where(workers.c.id == "one-1")).one()
    assert (row.session_id, row.repositories, row.started_at) == (session, ["repo"], at(0))


@pytest.mark.usefixtures("both")
def test_who_signed_off_is_not_present(engine: Engine, at: At) -> None:
    with transaction(engine) as connection:
        supervisors.set_worker(connection, "one-1", WorkerStatus.BUSY, run=7, at=at(1))
        assert supervisors.present(connection, "one") == Heard(ONE, at(0))
        supervisors.sign_off(connection, "one", at=at(2))
        assert supervisors.present(connection, "one") is None
        assert supervisors.present(connection, "two") is not None
        assert supervisors.everybody(connection) == [Heard(TWO, at(0))]
        found = state(connection)
        assert found["one-1"] == found["one-2"] == ("offline", None, at(2))
        assert found["two-1"] == ("idle", None, at(0))
        # It is still known whose the worker was.
        assert supervisors.of_worker(connection, "one-1") == Heard(ONE, at(0))


@pytest.mark.usefixtures("both")
def test_a_beat_is_heard_of_the_supervisor_and_its_workers_alone(engine: Engine, at: At) -> None:
    with transaction(engine) as connection:
        supervisors.set_worker(connection, "one-1", WorkerStatus.BUSY, run=7, at=at(1))
        supervisors.set_worker(connection, "one-2", WorkerStatus.ERROR, run=None, at=at(1))
        supervisors.beat(connection, "one", at=at(5))
        assert supervisors.present(connection, "one") == Heard(ONE, at(5))
        assert supervisors.present(connection, "two") == Heard(TWO, at(0))
        assert state(connection) == {
            "one-1": ("busy", 7, at(5)),
            "one-2": ("error", None, at(5)),
            "two-1": ("idle", None, at(0)),
            "two-2": ("idle", None, at(0)),
        }


@pytest.mark.usefixtures("both")
def test_who_was_given_up_and_beats_again_is_what_it_was(engine: Engine, at: At) -> None:
    with transaction(engine) as connection:
        supervisors.set_worker(connection, "one-1", WorkerStatus.BUSY, run=7, at=at(1))
        supervisors.set_worker(connection, "two-1", WorkerStatus.ERROR, run=None, at=at(30))
        supervisors.give_up_silent(connection, before=at(1))
        assert {name: status for name, (status, *_) in state(connection).items()} == {
            "one-1": "busy",
            "one-2": "offline",
            "two-1": "error",
            "two-2": "offline",
        }
        supervisors.give_up_silent(connection, before=at(31))
        assert state(connection) == {
            "one-1": ("offline", 7, at(1)),
            "one-2": ("offline", None, at(0)),
            "two-1": ("offline", None, at(30)),
            "two-2": ("offline", None, at(0)),
        }
        supervisors.beat(connection, "one", at=at(40))
        assert state(connection) == {
            "one-1": ("busy", 7, at(40)),
            "one-2": ("idle", None, at(40)),
            "two-1": ("offline", None, at(30)),
            "two-2": ("offline", None, at(0)),
        }


@pytest.mark.usefixtures("both")
def test_a_worker_that_was_taken_away_stays_away(engine: Engine, session: str, at: At) -> None:
    with transaction(engine) as connection:
        supervisors.end_workers(connection, ["one-2"], at=at(1))
        supervisors.beat(connection, "one", at=at(5))
        found = state(connection)
        assert (found["one-1"], found["one-2"]) == (("idle", None, at(5)), ("offline", None, at(1)))
        supervisors.add_workers(connection, "one", ["one-3"], Scope(session, ["repo"]), at=at(6))
        supervisors.sign_off(connection, "one", at=at(7))
        supervisors.beat(connection, "one", at=at(8))
        found = state(connection)
        assert [found[f"one-{n}"] for n in (1, 2, 3)] == [("offline", None, at(when)) for when in (7, 1, 7)]
        assert supervisors.serving(connection, session, "repo") == [Heard(TWO, at(0))]
        supervisors.end_workers(connection, ["two-1", "two-2"], at=at(9))
        assert supervisors.serving(connection, session, "repo") == []


@pytest.mark.usefixtures("both")
def test_a_worker_that_has_a_run_is_not_taken_away(engine: Engine, at: At) -> None:
    with transaction(engine) as connection:
        supervisors.set_worker(connection, "one-1", WorkerStatus.BUSY, run=7, at=at(1))
        assert supervisors.end_workers(connection, ["one-1", "one-2"], at=at(2)) == {"one-2"}
        assert state(connection)["one-1"] == ("busy", 7, at(1))
        assert supervisors.end_workers(connection, ["one-2"], at=at(3)) == {"one-2"}, "the first answer may be lost"


@pytest.mark.usefixtures("both")
def test_how_many_workers_there_should_be(engine: Engine) -> None:
    with transaction(engine) as connection:
        supervisors.scale(connection, "one", 5)
        assert supervisors.desired_workers(connection, "one") == 5
        assert supervisors.desired_workers(connection, "two") == 2


def test_who_serves_a_run_is_told_by_session_and_repository(engine: Engine, session: str, at: At) -> None:
    scopes = {
        "all sessions": Scope(None, ["repo", "other"]),
        "this one": Scope(session, ["repo"]),
        "another repository": Scope(session, ["other"]),
        "another session": Scope("t", ["repo"]),
        "nothing": Scope(None, []),
        "gone": Scope(session, ["repo"]),
    }
    with transaction(engine) as connection:
        sessions.add(connection, "t", "another", at=at(0))
        for name, scope in scopes.items():
            register(connection, replace(ONE, id=name), scope, at(1))
        supervisors.sign_off(connection, "gone", at=at(2))

        def serving(session_id: str, repository: str) -> list[str]:
            found = supervisors.serving(connection, session_id, repository)
            assert all(heard.heartbeat_at == at(1) for heard in found)
            return sorted(heard.supervisor.id for heard in found)

        assert serving(session, "repo") == ["all sessions", "this one"]
        assert serving("t", "repo") == ["all sessions", "another session"]
        assert serving(session, "other") == ["all sessions", "another repository"]
        assert serving("t", "none") == []
        everybody = {heard.supervisor.id for heard in supervisors.everybody(connection)}
        assert everybody == scopes.keys() - {"gone"}


@pytest.mark.usefixtures("both")
def test_whose_workers_they_are(engine: Engine, at: At) -> None:
    with transaction(engine) as connection:
        supervisors.beat(connection, "two", at=at(3))
        found = supervisors.of_workers(connection, ["one-2", "two-1", "made up"])
        assert found == {"one-2": Heard(ONE, at(0)), "two-1": Heard(TWO, at(3))}
        assert supervisors.of_workers(connection, []) == {}
        assert supervisors.of_worker(connection, "made up") is None
        assert supervisors.of_worker(connection, None) is None


def test_a_directory_with_any_name_can_be_told(engine: Engine, session: str, at: At) -> None:
    with transaction(engine) as connection:
        register(connection, replace(ONE, runs_directory="/srv/\udcff"), Scope(session, ["repo"]), at(0))
        heard = supervisors.present(connection, "one")
    assert heard is not None
    assert heard.supervisor.runs_directory == "/srv/\\udcff"
