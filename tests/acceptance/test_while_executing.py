"""What people change while runs execute: runs are cancelled or paused, workers come and go, and the others go on."""

import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from supervisor.clock import SystemClock
from supervisor.git.metadatalock import metadata_lock
from supervisor.store import intents, runs
from supervisor.store.engine import open_engine, transaction
from supervisor.store.urls import sqlite_url

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

# One that is killed when the page process that started it ends; and one that outlives it, since its parent is gone, and
# it has a session of its own.
STAYS = "trap '' TERM; touch $0-is-there; until [ -e $0-may-go ]; do sleep 0.05; done"
HOSTILE = {"ignores SIGTERM": STAYS, "leaves a daemon": f'(setsid sh -c "{STAYS}" <&- >&- 2>&- &); sleep 600'}


def ask(archive: Archive, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(archive.runs / "control.db")) as connection:
        return connection.execute(query, values).fetchall()


def states(archive: Archive) -> dict[str, str]:
    return dict(ask(archive, "select run_id, status from runs order by id"))


def want(archive: Archive, run_id: str, ask_for: Callable[..., bool]) -> None:
    """Write down what somebody wants of a run."""
    engine = open_engine(sqlite_url(archive.runs / "control.db"))
    [(run,)] = ask(archive, "select id from runs where run_id = ?", run_id)
    with transaction(engine) as connection:
        assert ask_for(connection, runs.get(connection, run), at=SystemClock().now(), actor="anna")
    engine.dispose()


def told(archive: Archive, run_id: str) -> list[tuple[Any, ...]]:
    """What happened to a run, and why."""
    return ask(
        archive,
        "select event, json_extract(detail, '$.reason') from run_events join runs on runs.id = run_events.run_id "
        "where runs.run_id = ? order by run_events.id",
        run_id,
    )


def hostile(folder: Path, how: str, gate: Any) -> Path:
    """Make a tesseract that answers the first page of run a, and then does what it should not; b's pages are gated."""
    folder.mkdir()
    script, real = folder / "tesseract", shutil.which("tesseract")
    script.write_text(
        f"""#!/bin/sh
case "$1" in --*) exec {real} "$@";; esac
read -r page || exec {real} "$@"
case "$page" in
  *-a/*) if [ -e "$0-has-answered" ]; then {HOSTILE[how]}; fi
         touch "$0-has-answered"
         {{ echo "$page"; read -r page || exit; {HOSTILE[how]}; }} | {real} "$@";;
  *) {{ echo "$page"; cat; }} | exec {gate.folder}/tesseract "$@";;
esac
"""
    )
    script.chmod(0o755)
    return script


@pytest.fixture
def two_runs(archive: Archive) -> Archive:
    """Run a has two pages, run b one."""
    archive.scan("scans/a1.png", "scans/a2.png", "scans/b.png")
    archive.job("a", "scans/a*.png")
    archive.job("b", "scans/b.png")
    archive.commit()
    return archive


@pytest.mark.parametrize("how", ["ignores SIGTERM", "leaves a daemon"])
def test_nothing_of_a_cancelled_run_is_left_but_what_it_has_done(
    two_runs: Archive, gate: Any, wait_until: Any, tmp_path: Path, how: str
) -> None:
    script = hostile(tmp_path / "hostile", how, gate)
    environment = gate.environment | {"PATH": f"{script.parent}:{gate.environment['PATH']}"}
    running = two_runs.start("--run-ids=a", "--ocr-workers=1", "--cancel-grace=1", "--json", **environment)
    wait_until(Path(f"{script}-is-there").exists)
    executor = psutil.Process(two_runs.holder("a")["process_group"])
    assert two_runs.supervisor("cancel", "a", "--no-wait").code == 0
    begin = time.monotonic()
    done = running.end()
    assert time.monotonic() - begin < 8
    assert (done.code, done.runs["a"]["status"], done.document["session"]["status"]) == (1, "cancelled", "cancelled")
    assert not executor.is_running()
    assert not two_runs.processes()
    assert [event for event, _ in told(two_runs, "a")] == ["queued", "claimed", "cancel_requested", "cancelled"]
    staged = two_runs.runs / "a/.staging/1/output"
    assert "harbour" in (staged / "scans/a1.png.txt").read_text()
    assert not (two_runs.runs / "a/output").exists()
    assert str(staged) in two_runs.supervisor("show", "a").out
    assert not two_runs.scratch("a")


def test_others_go_on_while_a_cancelled_run_takes_its_time(
    two_runs: Archive, gate: Any, wait_until: Any, tmp_path: Path
) -> None:
    script = hostile(tmp_path / "hostile", "leaves a daemon", gate)
    environment = gate.environment | {"PATH": f"{script.parent}:{gate.environment['PATH']}"}
    options = ("--workers=2", "--ocr-workers=1", "--cancel-grace=60", "--json")
    running = two_runs.start("--run-ids=a,b", *options, **environment)
    wait_until(lambda: Path(f"{script}-is-there").exists() and gate.arrived() == 1)
    assert two_runs.supervisor("cancel", "a", "--no-wait").code == 0
    wait_until(lambda: running.says("a: cancelling"))
    gate.open()
    wait_until(lambda: states(two_runs) == {"a": "running", "b": "succeeded"})
    Path(f"{script}-may-go").touch()
    done = running.end()
    assert (done.code, done.runs["a"]["status"]) == (1, "cancelled")


def test_what_is_being_checked_out_is_cancelled_at_once(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a,b", "--workers=2", "--lane=A", "--json", **gate.environment)
    wait_until(gate.arrived)
    with metadata_lock(three.top / ".git"):
        gate.open()
        wait_until(lambda: running.says("b: checking out"))
        want(three, "b", intents.ask_to_cancel)  # the command would wait for that lock, too
        wait_until(lambda: states(three)["b"] == "cancelled", 5)
    done = running.end()
    assert (done.code, done.runs["a"]["status"]) == (1, "succeeded")
    assert list((three.runs / "workspaces").iterdir()) == []


def test_who_is_stopping_still_hears_that_a_run_is_to_be_cancelled(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a", "--cancel-grace=1", "--json", **gate.environment)
    wait_until(gate.arrived)
    running.ctrl_c()
    wait_until(lambda: running.says("stopping"))
    assert three.supervisor("cancel", "a", "--no-wait").code == 0
    done = running.end(8)
    assert (done.code, done.runs["a"]["status"]) == (130, "cancelled")


def test_a_paused_run_makes_room_for_others_and_goes_on_where_it_was(
    archive: Archive, gate: Any, wait_until: Any
) -> None:
    pages = [f"scans/a{number}.png" for number in range(3)]
    archive.scan(*pages, "scans/b.png")
    archive.job("a", "scans/a*.png")
    archive.job("b", "scans/b.png")
    archive.commit()
    gate.let_through(1)
    running = archive.start("--run-ids=a,b", "--workers=1", "--ocr-workers=1", "--json", **gate.environment)
    wait_until(lambda: len(archive.recognised("a")) == 1 and gate.arrived() == 2)
    assert archive.supervisor("pause", "a", "--no-wait").code == 0
    wait_until(lambda: archive.has_heard_to_stop("a"))
    assert running.says("a: pausing")
    gate.let_through(1)
    wait_until(lambda: gate.arrived() == 3)
    assert states(archive) == {"a": "queued", "b": "running"}
    assert len(archive.recognised("a")) == 2, "the page in flight was finished"
    gate.open()
    wait_until(lambda: running.says("a: paused: supervisor resume a"))
    refused = archive.supervisor("--run-ids=a", "--json")
    assert (refused.code, refused.document["error"]["hint"]) == (3, "supervisor resume a")
    assert "run 'a' is paused" in refused.document["error"]["message"]
    assert archive.supervisor("work", "--once").out == "nothing was queued\n"
    want(archive, "a", intents.ask_to_go_on)
    done = running.end()
    assert (done.code, done.runs["a"]["attempt"]) == (0, 1)
    assert archive.recognised("a") == pages
    happened = [event for event, _ in told(archive, "a")]
    assert happened == ["queued", "claimed", "pause_requested", "paused", "resumed", "claimed", "succeeded"]


def test_workers_come_at_once_and_go_when_they_are_idle(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a,b,c", "--workers=1", "--ocr-workers=1", **gate.environment)
    wait_until(gate.arrived)
    assert three.supervisor("workers", "scale", "3").code == 0
    wait_until(lambda: gate.arrived() == 3)
    assert three.supervisor("workers", "scale", "2").code == 0
    wait_until(lambda: running.says("2 workers from now on, 3 before"))
    at_work = "select count(*) from workers where ended_at is null"
    assert ask(three, at_work) == [(3,)]
    gate.let_through(1)
    wait_until(lambda: ask(three, at_work) == [(2,)])
    gate.open()
    assert running.end().code == 0


def test_an_executor_that_is_held_keeps_nobody_from_running_other_work(
    three: Archive, gate: Any, wait_until: Any
) -> None:
    running = three.start("--run-ids=a", **gate.environment)
    wait_until(gate.arrived)
    executor = psutil.Process(three.holder("a")["process_group"])
    executor.suspend()
    running.process.send_signal(signal.SIGKILL)
    running.end()
    three.scan("scans/a.png", lines=("quite another page",))
    three.commit()
    done = three.supervisor("--run-ids=a", "--json")
    assert (done.code, done.runs["a"]["attempt"]) == (0, 2)
    assert not executor.is_running() or executor.status() == psutil.STATUS_ZOMBIE
    assert "another" in three.text("a", "scans/a.png")
