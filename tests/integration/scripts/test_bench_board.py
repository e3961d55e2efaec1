"""The database that `scripts/bench board` looks at is the one that it tells of."""

import sys
from pathlib import Path

import pytest

from supervisor.board.overview import read_overview
from supervisor.clock import SystemClock
from supervisor.model.states import RunStatus
from supervisor.store.engine import open_engine
from supervisor.store.urls import sqlite_url

SCRIPTS = Path(__file__).parents[3] / "scripts"


def test_it_is_full_and_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    import board_filled  # noqa: PLC0415 (no package has it)

    monkeypatch.setattr(board_filled, "SESSIONS", 40)
    engine = open_engine(sqlite_url(tmp_path / "control.db"))
    board_filled.fill(engine)
    seen = read_overview(engine, board_filled.REPOSITORY, clock=SystemClock())
    engine.dispose()
    del sys.modules["board_filled"]
    assert sum(sum(session.runs.values()) for session in seen.sessions) == 400
    assert {session.documents.total for session in seen.sessions} == {400}
    assert seen.summary.workers.busy == sum(session.runs.get(RunStatus.RUNNING, 0) for session in seen.sessions) == 64
    assert all(worker.pages is not None and worker.pages.found for worker in seen.workers)
    unfinished = [session for session in seen.sessions if session.status == "running"]
    assert len(unfinished) == 32
    assert all(session.pages_per_second and session.remaining_seconds for session in unfinished)
