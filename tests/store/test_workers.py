from collections.abc import Callable
from datetime import datetime

from sqlalchemy.engine import Engine

from supervisor.model.states import WorkerStatus
from supervisor.store import claims, supervisors, workers
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.supervisors import SupervisorRow
from support.clocks import HandClock

ONE = SupervisorRow("one", "desk", None, "boot", 4711, None, 1.0, "0.1", 2, "/runs", 60)


def test_workers_are_shown_with_their_process_and_their_run(
    engine: Engine, session: str, add_run: Callable[..., int], clock: HandClock
) -> None:
    with transaction(engine) as connection:
        supervisors.register(connection, ONE, ["one-1", "one-2"], Scope(None, ["repo"]), at=clock.now())
        add_run(connection, "a", session_id=session)
        assert claims.claim(connection, "one-2", clock) is not None
        found = workers.present(connection, "repo", at=clock.now())
        shown = [(one.id, one.host, one.pid, one.status, one.run_id, one.lease_term) for one in found]
        assert shown == [
            ("one-1", "desk", 4711, WorkerStatus.IDLE, None, None),
            ("one-2", "desk", 4711, WorkerStatus.BUSY, "a", 1),
        ]
        assert workers.present(connection, "another", at=clock.now()) == []
        for nobody in ("one-3", "one-1\0", "\ud800"):
            assert workers.find(connection, nobody, at=clock.now()) is None


def test_a_silent_worker_is_offline_and_one_that_was_taken_away_is_no_more(
    engine: Engine, at: Callable[[float], datetime]
) -> None:
    with transaction(engine) as connection:
        supervisors.register(connection, ONE, ["one-1", "one-2"], Scope(None, ["repo"]), at=at(0))
        supervisors.beat(connection, "one", at=at(20), worker_id="one-2")
        statuses = [one.status for one in workers.present(connection, "repo", at=at(31))]
        assert statuses == [WorkerStatus.OFFLINE, WorkerStatus.IDLE]
        supervisors.end_workers(connection, ["one-1"], at=at(31))
        assert [one.id for one in workers.present(connection, "repo", at=at(31))] == ["one-2"]
        gone = workers.find(connection, "one-1", at=at(31))
        assert gone is not None
        assert gone.ended_at == at(31)
