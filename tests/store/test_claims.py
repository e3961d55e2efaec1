"""Many processes at one queue: each run is claimed once, and never two of a lane at a time."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store.engine import transaction
from supervisor.store.moments import database_now
from supervisor.store.tables import run_events, runs, sessions
from support.run_queue import CLOCK, add_session, check_histories
from support.thorough import THOROUGH

CLAIMER = Path(__file__).with_name("claimer.py")
PROCESSES = 16
SESSIONS = "stuv"
LANES = "ABCDEFGHIJ"
RUNS_OF_A_LANE = 50 if THOROUGH else 15
RUNS_WITHOUT_LANE = 100 if THOROUGH else 30


def queue_runs(engine: Engine) -> set[int]:
    """Queue runs in an order in which those of a lane often follow each other."""
    chance = random.Random(2026)  # noqa: S311 (the same order each time)
    places: list[tuple[str, str | None]] = [
        place for place in itertools.product(SESSIONS, LANES) for _ in range(RUNS_OF_A_LANE)
    ]
    places += [(SESSIONS[0], None)] * RUNS_WITHOUT_LANE
    chance.shuffle(places)
    with transaction(engine) as connection:
        at = database_now(connection, CLOCK)
        for session_id in SESSIONS:
            add_session(connection, session_id)
        same = {"status": RunStatus.QUEUED, "attempt": 1, "repository": "repo", "commit_sha": "c0ffee", "spec": {}}
        rows = [
            {"run_id": f"r{n}", "session_id": session_id, "lane": lane, "priority": chance.choice([1, 100])}
            for n, (session_id, lane) in enumerate(places)
        ]
        values = [{**same, **row, "available_at": at, "created_at": at} for row in rows]
        queued = set(connection.scalars(sa.insert(runs).returning(runs.c.id), values))
        event = {"attempt": 1, "lease_term": 0, "at": at, "actor": "anna", "event": "queued", "detail": {}}
        events = [{**event, "run_id": run, "to_status": RunStatus.QUEUED} for run in queued]
        connection.execute(sa.insert(run_events), events)
    return queued


def running_lanes(engine: Engine) -> list[tuple[str, str]]:
    query = sa.select(runs.c.session_id, runs.c.lane)
    with transaction(engine) as connection:
        rows = connection.execute(query.where(runs.c.status == RunStatus.RUNNING, runs.c.lane.is_not(None))).all()
    return [(row.session_id, row.lane) for row in rows]


@contextmanager
def claimers(url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let them work; what they say of errors goes to a file in the folder."""
    command = [sys.executable, str(CLAIMER), url, str(folder), str(PROCESSES)]
    with (
        (folder / "errors").open("wb") as errors,
        subprocess.Popen(command, stderr=errors, start_new_session=True) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.timeout(600)  # those who write to SQLite wait for each other, long on a machine that has other work
def test_16_processes_claim_each_run_once_and_one_of_a_lane_at_a_time(
    database_url: str, engine: Engine, tmp_path: Path
) -> None:
    queued = queue_runs(engine)
    most = 0
    with claimers(database_url, tmp_path) as process:
        while process.poll() is None:
            lanes = running_lanes(engine)
            assert len(lanes) == len(set(lanes))
            most = max(most, len(lanes))
            time.sleep(0.1)  # every look keeps those who write to SQLite waiting
    assert (process.returncode, (tmp_path / "errors").read_text()) == (0, "")
    assert most > 1, "they did not work at the same time"

    answers = [(run, term, path.stem) for path in tmp_path.glob("*.json") for run, term in json.loads(path.read_text())]
    assert sorted(run for run, _, _ in answers) == sorted(queued)
    check_histories(engine, answers)
    with transaction(engine) as connection:
        rows = connection.execute(sa.select(runs)).all()
        assert set(connection.scalars(sa.select(sessions.c.status))) == {"completed"}
    assert {row.id: (row.status, row.lease_term, row.claimed_by) for row in rows} == {
        run: ("succeeded", 1, name) for run, _, name in answers
    }
