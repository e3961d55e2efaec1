import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from supervisor.model.states import RunStatus
from supervisor.store.engine import open_engine, transaction
from supervisor.store.tables import run_events, runs
from supervisor.store.urls import sqlite_url

RACE = Path(__file__).parents[3] / "scripts" / "claims_race.py"
CHEATS = """
def claim(url, lane):
    job = 1000 * lane.number
    while lane.wants_more():
        lane.claimed(job)
        job += 1
        {fault}
"""


def ask(name: str, *requests: list[str | int], modules: Path | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(modules or "")}
    lines = "".join(f"{json.dumps(request)}\n" for request in requests)
    command = [sys.executable, str(RACE), name]
    # Less than the claimers would wait for each other.
    return subprocess.run(
        command, input=lines, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_claimers_claim_what_they_shall_and_share_it(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "runs.db")
    done = ask("ours", ["fill", url, 300], ["race", "claim", url, 2, 100, 60])
    assert (done.returncode, done.stderr) == (0, "")
    filled, rate = map(json.loads, done.stdout.splitlines())
    assert filled is None
    assert rate > 0
    engine = open_engine(url)
    with transaction(engine) as connection:
        workers = connection.scalars(sa.select(runs.c.claimed_by).where(runs.c.status == RunStatus.RUNNING)).all()
        events = connection.scalar(sa.select(sa.func.count()).where(run_events.c.event == "claimed"))
    engine.dispose()
    assert set(workers) == {"w0", "w1"}
    # 20 each to warm up; the last one of each may come in just after the other's.
    assert len(workers) in {140, 141}
    assert events == len(workers)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("job = 7", "claims were of jobs that had been claimed"),
        ("assert lane.number == 0 or job < 5, 'broken'", "AssertionError: broken"),
    ],
)
def test_a_race_with_a_fault_is_none(tmp_path: Path, fault: str, message: str) -> None:
    (tmp_path / "claims_cheat.py").write_text(CHEATS.format(fault=fault))
    done = ask("cheat", ["race", "claim", "", 2, 100, 60], modules=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
