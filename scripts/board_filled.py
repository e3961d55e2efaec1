"""A control database as a large archive has it: 200 sessions, 2,000 runs of 40 documents, 64 workers that are busy."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.clock import SystemClock
from supervisor.executor.spec import RunSpec, SpecDocument
from supervisor.model.states import RunStatus, SessionStatus, WorkerStatus
from supervisor.ocr.jobs.job import Job
from supervisor.store.engine import transaction
from supervisor.store.moments import database_now
from supervisor.store.schema import prepare_control
from supervisor.store.tables import run_events, run_progress, runs, sessions, supervisors, workers

REPOSITORY = "5bd1c3a9f2f1e64c7be8e0f6a7a1f2dc0a5f9e11"
SESSIONS = 200
RUNS = 10  # of each session
WORKERS = 64
DOCUMENTS = 40  # of each run
PAGES = 12  # of each document
LANES = (None, "A", "B", "C")
# The newest sessions have what executes, and what waits.
OPEN_SESSIONS = 32


def fill(engine: Engine) -> None:
    """Make the tables and their rows; the same every time, but for the times."""
    prepare_control(engine)
    with transaction(engine) as connection:
        filling = _Filling(random.Random(7), database_now(connection, SystemClock()))  # noqa: S311 (nothing is hidden)
        for table, rows in filling.tables():
            connection.execute(sa.insert(table), rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            # As autovacuum does in use.
            connection.execute(sa.text("VACUUM ANALYZE"))


class _Filling:
    def __init__(self, chance: random.Random, now: datetime) -> None:
        self._chance = chance
        self._now = now
        self._progress: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []
        self._busy: list[int] = []

    def tables(self) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
        """Return the rows of each table, in an order in which they can be inserted."""
        yield sessions, [self._session(number) for number in range(SESSIONS)]
        yield runs, [self._run(number) for number in range(SESSIONS * RUNS)]
        yield run_progress, self._progress
        yield run_events, self._events
        yield supervisors, [self._supervisor(number) for number in range(WORKERS // 8)]
        yield workers, [self._worker(number) for number in range(WORKERS)]

    def _ago(self, **time: float) -> datetime:
        return self._now - timedelta(**time)

    def _session(self, number: int) -> dict[str, Any]:
        is_open = number >= SESSIONS - OPEN_SESSIONS
        ended = self._chance.choice([SessionStatus.COMPLETED, SessionStatus.COMPLETED, SessionStatus.FAILED])
        begun = self._ago(hours=SESSIONS - number)
        return {
            "id": f"{number:012x}",
            "title": f"parish registers, box {number}",
            "intent": "read what was scanned yesterday",
            "status": SessionStatus.RUNNING if is_open else ended,
            "created_at": begun,
            "started_at": begun,
            "finished_at": None if is_open else begun + timedelta(minutes=40),
        }

    def _run(self, number: int) -> dict[str, Any]:
        session, place = divmod(number, RUNS)
        run, begun = number + 1, self._ago(hours=SESSIONS - session)
        if session < SESSIONS - OPEN_SESSIONS:
            status = RunStatus.FAILED if self._chance.random() < 0.03 else RunStatus.SUCCEEDED
        elif place < 2:
            status = RunStatus.RUNNING
        else:
            status = RunStatus.QUEUED if self._chance.random() < 0.6 else RunStatus.SUCCEEDED
        lane = (None, "A")[place] if status is RunStatus.RUNNING else LANES[place % len(LANES)]
        worker = None if status is RunStatus.QUEUED else _worker_id(number % WORKERS)
        if status is RunStatus.RUNNING:
            worker = _worker_id(len(self._busy))
            self._busy.append(run)
        self._progress.append(self._progress_of(run, status))
        self._events += self._events_of(run, status, worker, begun)
        return {
            "id": run,
            "run_id": f"box-{session}-{place}",
            "session_id": f"{session:012x}",
            "lane": lane,
            "status": status,
            "attempt": 1,
            "commit_sha": f"{run:040x}",
            "repository": REPOSITORY,
            "spec": _spec(run),
            "available_at": begun,
            "claimed_by": worker,
            "claimed_at": None
            if worker is None
            else begun
            if status is not RunStatus.RUNNING
            else self._ago(minutes=5),
            "heartbeat_at": None if worker is None else self._ago(seconds=3),
            "lease_term": 0 if worker is None else 1,
            "requested_by": "anna",
            "error": "2 of 40 documents failed" if status is RunStatus.FAILED else None,
            "created_at": begun,
            "started_at": None if worker is None else begun,
            "finished_at": begun + timedelta(minutes=4) if status in {RunStatus.SUCCEEDED, RunStatus.FAILED} else None,
        }

    def _progress_of(self, run: int, status: RunStatus) -> dict[str, Any]:
        has_ended = status in {RunStatus.SUCCEEDED, RunStatus.FAILED}
        opened = DOCUMENTS if has_ended else self._chance.randint(5, DOCUMENTS) if status is RunStatus.RUNNING else 0
        done = opened if has_ended else opened * 2 // 3
        return {
            "run": run,
            "stage": "recognising" if status is RunStatus.RUNNING else status,
            "documents": DOCUMENTS,
            "documents_opened": opened,
            "documents_done": done,
            "documents_failed": 2 if status is RunStatus.FAILED else 0,
            "pages": opened * PAGES,
            "pages_ocr": done * 3,
            "pages_cache": done * (PAGES - 3),
            "updated_at": self._now,
        }

    def _events_of(self, run: int, status: RunStatus, worker: str | None, begun: datetime) -> list[dict[str, Any]]:
        told = [("anna", "queued", {"commit": f"{run:040x}", "lane": None, "priority": 100})]
        if worker is not None:
            told.append((worker, "claimed", {"reason": "next in the queue"}))
        if status in {RunStatus.SUCCEEDED, RunStatus.FAILED}:
            told.append((worker or "", status.value, {"reason": "40 documents, 480 pages: 120 recognised, 360 reused"}))
        common = {"run_id": run, "attempt": 1, "lease_term": 1, "at": begun}
        return [{**common, "actor": actor, "event": event, "detail": detail} for actor, event, detail in told]

    def _supervisor(self, number: int) -> dict[str, Any]:
        identity = {"id": f"desk-{number}", "host": "desk", "pid": 1000 + number, "process_started_at": 1.0}
        rest = {"version": "1", "desired_workers": 8, "runs_directory": "/runs", "lease_seconds": 60}
        return {**identity, **rest, "heartbeat_at": self._ago(seconds=3)}

    def _worker(self, number: int) -> dict[str, Any]:
        return {
            "id": _worker_id(number),
            "supervisor_id": f"desk-{number // 8}",
            "repositories": [REPOSITORY],
            "status": WorkerStatus.BUSY,
            "current_run": self._busy[number],
            "heartbeat_at": self._ago(seconds=3),
            "started_at": self._ago(hours=2),
        }


def _worker_id(number: int) -> str:
    return f"desk-{number // 8}-{number % 8 + 1}"


def _spec(run: int) -> dict[str, object]:
    documents = [
        SpecDocument(
            path=f"scans/box-{run}/register-{one:03}.tiff", blob_sha=f"{run * 1000 + one:040x}", job="registers"
        )
        for one in range(DOCUMENTS)
    ]
    job = Job(name="registers", documents=(f"scans/box-{run}/*.tiff",), languages=("deu", "lat"))
    return RunSpec([f"ocr-jobs/box-{run}.toml"], [job], documents, []).to_json()
