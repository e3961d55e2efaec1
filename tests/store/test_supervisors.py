from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store import supervisors
from supervisor.store.engine import transaction
from supervisor.store.supervisors import SupervisorRow
from supervisor.store.tables import workers

At = Callable[[float], datetime]
ONE = SupervisorRow("one", "desk", "m", "b", 42, "pid:[1]", 1234.5, "0.1", 2)


def test_workers_of_a_supervisor(engine: Engine, session: str, at: At) -> None:
    with transaction(engine) as connection:
        for row in (ONE, replace(ONE, id="two", pid=43)):
            names = [f"{row.id}-1", f"{row.id}-2"]
            supervisors.register(connection, row, names, session_id=session, repository="repo", at=at(0))
        assert supervisors.present(connection, "one") == ONE
        assert supervisors.present(connection, "nobody") is None
        supervisors.set_worker(connection, "one-1", "busy", run=7, at=at(1))
        rows = {row.id: row for row in connection.execute(sa.select(workers))}
        assert (rows["one-1"].status, rows["one-1"].current_run, rows["one-1"].heartbeat_at) == ("busy", 7, at(1))
        assert (rows["one-2"].status, rows["one-2"].current_run, rows["one-2"].started_at) == ("idle", None, at(0))
        assert rows["one-1"].repositories == ["repo"]


def test_who_signed_off_is_not_present(engine: Engine, session: str, at: At) -> None:
    with transaction(engine) as connection:
        supervisors.register(connection, ONE, ["one-1", "one-2"], session_id=session, repository="repo", at=at(0))
        supervisors.set_worker(connection, "one-1", "busy", run=7, at=at(1))
        assert supervisors.present(connection, "one") == ONE
        supervisors.sign_off(connection, "one", at=at(2))
        assert supervisors.present(connection, "one") is None
        rows = connection.execute(sa.select(workers)).all()
    assert {(row.status, row.current_run, row.heartbeat_at) for row in rows} == {("offline", None, at(2))}
