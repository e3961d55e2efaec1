"""What is removed by itself when it is old, on whichever database."""

import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from supervisor.model.states import RunStatus
from supervisor.store.engine import open_engine, transaction
from supervisor.store.tables import runs
from supervisor.store.urls import sqlite_url
from supervisor.supervision.aside import Aside
from supervisor.supervision.assignment import Ending
from supervisor.supervision.cleanup.retention import retain
from supervisor.supervision.end import end
from supervisor.supervision.leftovers import Tidier
from supervisor.supervision.settle import settle
from support.bench import SPEC, Bench
from support.clocks import BEGIN

SUCCEEDED = Ending(RunStatus.SUCCEEDED, "succeeded", None)


def ended(bench: Bench, **days: int) -> list[Path]:
    """Let runs have ended so many days ago, with their workspaces kept; return their folders."""
    for run_id in days:
        bench.add(run_id)
    return [_ended(bench, ago) for ago in days.values()]


def _ended(bench: Bench, days: int) -> Path:
    assignment = bench.claim()
    row = assignment.row
    bench.stage(row, "text")
    bench.shop.workspaces.create(row.run_id, row.commit_sha, SPEC.checkout_paths())
    assert end(bench.shop, assignment, SUCCEEDED)
    settle(replace(bench.shop, keep_workspaces=True), row)
    assignment.release()
    with transaction(bench.shop.engine) as connection:
        at = bench.shop.now(connection) - timedelta(days=days)
        connection.execute(sa.update(runs).where(runs.c.id == row.id).values(finished_at=at))
    folder = bench.directory_of(row).root
    for path in folder.iterdir():
        os.utime(path, (at.timestamp(), at.timestamp()))
    return folder


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    made = make_bench()
    made.shop = replace(made.shop, retain_days=30)
    return made


def test_what_is_older_goes_and_is_said_in_a_line(bench: Bench) -> None:
    old, young, worked_in = ended(bench, old=31, young=29, worked_in=31)
    workspaces = bench.shop.workspaces
    (workspaces.path("worked_in") / "note.txt").write_text("mine")
    bench.shop.repository.git.run("update-ref", "refs/supervisor/trash/a/20200101T000000Z", "HEAD")
    bench.said.clear()
    retain(replace(bench.shop, retain_days=None))
    assert old.exists()
    retain(bench.shop)
    assert bench.said == ["removed what was older than 30 days of: old, worked_in"]
    assert [path.exists() for path in (old, young, worked_in)] == [False, True, False]
    assert [workspaces.path(name).exists() for name in ("old", "young", "worked_in")] == [False, True, True]
    assert len(bench.shop.repository.saved_workspaces()) == 1
    retain(bench.shop)
    assert len(bench.said) == 1


def test_nothing_fails_of_it(bench: Bench, tmp_path: Path) -> None:
    away = open_engine(sqlite_url(tmp_path / "nowhere" / "control.db"))
    retain(replace(bench.shop, engine=away))
    assert bench.said[-1].startswith("cleaning up failed: database sqlite://")
    away.dispose()


def test_who_works_for_weeks_does_it_every_hour(bench: Bench) -> None:
    begun: list[Callable[[], None]] = []

    class NextTime:
        def begin(self, step: Callable[..., None], *arguments: Any) -> Future[None]:
            begun.append(lambda: step(*arguments))
            done = Future[None]()
            done.set_result(None)
            return done

    (folder,) = ended(bench, old=31)
    clock = cast("Any", bench.shop.clock)
    tidier = Tidier(bench.shop, "repo")
    for minutes, is_there in ((59, True), (61, False)):
        clock.seconds = minutes * 60.0
        assert clock.now() > BEGIN
        tidier.look(cast("Aside", NextTime()))
        begun.pop()()
        assert folder.exists() is is_there
