"""The supervisor in `scripts/bench claims`, on Postgres and on SQLite.

Each claim is made as the supervisor's loop makes it: one statement on Postgres, one transaction on SQLite. Each
claimer is a worker with a row, which says what repositories it has, and each run has the event of being queued, as in
use. No run has a lane: the peers' jobs have none either.
"""

import sqlalchemy as sa
from claims_race import Lane

from supervisor.clock import SystemClock
from supervisor.model.states import RunStatus
from supervisor.store import claims, sessions
from supervisor.store.engine import open_engine, transaction
from supervisor.store.schema import prepare_control
from supervisor.store.supervisors import SupervisorRow, register
from supervisor.store.tables import run_events, runs

REPOSITORY = "/srv/scans.git"
WORKERS = 16
SUPERVISOR = SupervisorRow(
    id="s",
    host="localhost",
    machine_id=None,
    boot_id=None,
    pid=1,
    pid_namespace=None,
    process_started_at=0.0,
    version="0",
    desired_workers=WORKERS,
    runs_directory="/srv/runs",
    lease_seconds=60,
)


def fill(url: str, jobs: int) -> None:
    engine = open_engine(url)
    prepare_control(engine)
    at = SystemClock().now()
    status = RunStatus.QUEUED
    run = {"session_id": "s", "status": status, "attempt": 1, "repository": REPOSITORY, "commit_sha": "0" * 40}
    times = {"available_at": at, "created_at": at}
    queued = [{**run, **times, "run_id": f"run-{number}", "spec": {"number": number}} for number in range(jobs)]
    event = {
        "attempt": 1,
        "lease_term": 0,
        "at": at,
        "actor": "me",
        "event": "queued",
        "to_status": status,
        "detail": {},
    }
    with transaction(engine) as connection:
        sessions.add(connection, "s", "benchmark", at=at)
        workers = [f"w{number}" for number in range(WORKERS)]
        register(connection, SUPERVISOR, workers, claims.Scope(None, [REPOSITORY]), at=at)
        ids = connection.scalars(sa.insert(runs).returning(runs.c.id), queued).all()
        connection.execute(sa.insert(run_events), [{**event, "run_id": run} for run in ids])
    engine.dispose()


def claim(url: str, lane: Lane) -> None:
    engine, clock = open_engine(url, connections=1), SystemClock()
    while lane.wants_more():
        run = claims.claim_alone(engine, f"w{lane.number}", clock)
        if run is None:
            raise ValueError("no run is left")
        lane.claimed(run.id)
    engine.dispose()
