"""Pausing and cancelling what is being executed, however little it wants to end."""

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def stubborn(folder: Path, how: str) -> dict[str, str]:
    """Make a `tesseract` that answers one page, and goes on for ever with the second; return what makes it be found."""
    (folder / "slots").mkdir(parents=True)
    real, script = shutil.which("tesseract"), folder / "tesseract"
    script.write_text(
        f"""#!/bin/sh
stay() {{ touch {folder}/stays; {how}; }}
case "$1" in
  --*) exec {real} "$@";;
  -) {{ read -r page && echo "$page"; read -r page && stay; }} | {real} "$@";;
  *) mkdir {folder}/first 2>/dev/null && exec {real} "$@"; stay;;
esac
"""
    )
    script.chmod(0o755)
    slots = {"SUPERVISOR_SLOTS_DIR": str(folder / "slots"), "SUPERVISOR_OCR_SLOTS": "1"}
    return {"PATH": f"{folder}:{os.environ['PATH']}", **slots}


@pytest.fixture
def two_pages(archive: Archive) -> Archive:
    """A run `a` of two documents, of a page each."""
    archive.scan("scans/1.png", "scans/2.png")
    archive.job("a", "scans/*.png")
    archive.commit()
    return archive


@pytest.mark.parametrize(
    "how",
    ["trap '' TERM; exec sleep 1000", "exec setsid sleep 1000", "trap '' TERM; setsid sleep 1000 & wait"],
    ids=["ignores SIGTERM", "called setsid", "both"],
)
def test_a_cancelled_run_is_gone_within_the_grace_and_keeps_what_it_had(
    two_pages: Archive, tmp_path: Path, wait_until: Any, how: str
) -> None:
    environment = stubborn(tmp_path / "stubborn", how)
    running = two_pages.start("--run-ids=a", "--ocr-workers=1", "--cancel-grace=1", "--json", **environment)
    wait_until((tmp_path / "stubborn" / "stays").exists)
    wait_until(lambda: list(two_pages.runs.glob("a/.staging/*/output/scans/1.png.txt")))
    begun = time.monotonic()
    done = two_pages.supervisor("cancel", "a", "--json")
    took = time.monotonic() - begun
    assert (done.code, done.document["answers"][0]["runs"][0]["effect"]) == (0, "cancelled"), done
    assert took < 10, "it came to an end at the grace, not by patience"
    ended = running.end(10)
    assert (ended.code, ended.runs["a"]["status"]) == (1, "cancelled")
    assert not two_pages.processes()
    assert not two_pages.held_locks()
    assert not (two_pages.runs / "a" / "output").exists()
    (kept,) = two_pages.runs.glob("a/.staging/*/output/scans/1.png.txt")
    assert "harbour" in kept.read_text()
    assert str(kept.parent.parent) in two_pages.supervisor("show", "a").out


def test_a_run_of_a_killed_supervisor_is_cancelled_by_the_command_itself(
    three: Archive, gate: Any, wait_until: Any
) -> None:
    running = three.start("--run-ids=a,b", "--workers=1", **gate.environment)
    wait_until(gate.arrived)
    # What it leaves goes on by itself, until it is ended.
    os.kill(three.holder("a")["process_group"], signal.SIGSTOP)
    running.process.kill()
    running.end()
    done = three.supervisor("cancel", "a", "b", "--json")
    assert done.code == 0, done
    assert [run["effect"] for one in done.document["answers"] for run in one["runs"]] == ["cancelled", "cancelled"]
    wait_until(lambda: not three.processes())
    assert not three.held_locks()
    assert three.pins() == ""
    assert three.git("worktree", "list").count("\n") == 1
    assert three.supervisor("resume").out == "nothing to resume\n"


def test_a_run_is_paused_and_resumed_from_another_terminal_while_its_worker_does_others(
    two_pages: Archive, gate: Any, wait_until: Any
) -> None:
    two_pages.scan("scans/b.jpg")
    two_pages.job("b", "scans/b.jpg")
    two_pages.commit()
    running = two_pages.start("--run-ids=a,b", "--workers=1", "--ocr-workers=1", "--json", **gate.environment)
    wait_until(gate.arrived)
    pausing = two_pages.start("pause", "a")
    wait_until(lambda: two_pages.has_heard_to_stop("a"))
    gate.let_through(1)
    wait_until(lambda: gate.arrived() == 2)
    paused = pausing.end()
    assert (paused.code, paused.out.splitlines()[0]) == (0, "a  paused"), paused
    refused = two_pages.supervisor("--run-ids=a")
    assert (refused.code, "supervisor resume a" in refused.err) == (3, True)
    gate.open()
    wait_until(lambda: running.says("a: paused: supervisor resume a"))
    resumed = two_pages.supervisor("resume", "a")
    assert (resumed.code, resumed.out) == (0, f"a  resumed (pid {running.process.pid} on {os.uname().nodename})\n")
    done = running.end()
    assert (done.code, {run["attempt"] for run in done.runs.values()}) == (0, {1}), done
    assert two_pages.recognised("a") == ["scans/1.png", "scans/2.png"]


def test_sixty_pages_are_recognised_once_whatever_happens_in_between(
    archive: Archive, gate: Any, wait_until: Any
) -> None:
    archive.book("scans/book.tiff", pages=60)
    archive.job("a", "scans/book.tiff")
    archive.commit()
    gate.let_through(20)
    archive.start("--run-ids=a", "--ocr-workers=2", **gate.environment)
    wait_until(lambda: len(archive.recognised("a")) == 20)
    pausing = archive.start("pause", "a", "--json")
    wait_until(lambda: archive.has_heard_to_stop("a"))
    gate.open()
    assert pausing.end().code == 0
    archive.kill_all()
    so_far = len(archive.recognised("a"))
    assert 20 <= so_far < 60
    done = archive.supervisor("resume", "--json")
    assert (done.code, done.runs["a"]["attempt"], done.runs["a"]["pages"]["ocr"]) == (0, 1, 60), done
    assert len(archive.recognised("a")) == 60
    pages = {event["page_number"] for event in archive.events("a", "page_recognised")}
    assert pages == set(range(1, 61))


def test_what_killed_supervisors_left_in_two_sessions_goes_on_side_by_side(
    three: Archive, gate: Any, wait_until: Any
) -> None:
    for number, run_id in enumerate("ab", 1):
        running = three.start(f"--run-ids={run_id}", f"--session=Night {run_id}", **gate.environment)
        wait_until(lambda number=number: gate.arrived() == number)
        running.process.kill()
        running.end()
    resuming = three.start("resume", "--workers=2", "--json", **gate.environment)
    wait_until(lambda: gate.arrived() == 4)
    gate.open()
    done = resuming.end()
    assert (done.code, {run["attempt"] for run in done.runs.values()}) == (0, {1}), done
    sessions = {session["title"]: session["status"] for session in done.document["sessions"]}
    assert sessions == {"Night a": "completed", "Night b": "completed"}
    assert three.recognised("a") == ["scans/a.png"]


def test_a_supervisor_gets_another_worker_while_it_is_at_work(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a,b", "--workers=1", **gate.environment)
    wait_until(lambda: gate.arrived() == 1)
    scaled = three.supervisor("workers", "scale", "2", "--json")
    assert (scaled.code, scaled.document["supervisor"]["pid"]) == (0, running.process.pid), scaled
    wait_until(lambda: gate.arrived() == 2)
    gate.open()
    assert running.end().code == 0
    gone = three.supervisor("workers", "scale", "2", "--supervisor", scaled.document["supervisor"]["id"])
    assert (gone.code, "has ended (none is at work here)" in gone.err) == (2, True), gone


def test_what_one_machine_executes_is_paused_and_cancelled_from_another(
    two_pages: Archive, gate: Any, wait_until: Any, postgres_url: str
) -> None:
    there = two_pages.top.with_name("clone")
    two_pages.git("clone", "--quiet", str(two_pages.top), str(there))
    environment = {"DATABASE_URL": postgres_url}
    running = two_pages.start("--run-ids=a", "--ocr-workers=1", "--json", **environment, **gate.environment)
    wait_until(gate.arrived)
    pausing = two_pages.start("pause", "a", "--json", cwd=there, **environment)
    wait_until(lambda: two_pages.has_heard_to_stop("a"))
    gate.let_through(1)
    paused = pausing.end()
    assert (paused.code, paused.document["answers"][0]["runs"][0]["effect"]) == (0, "paused"), paused
    left = two_pages.supervisor("resume", cwd=there, **environment)
    assert (left.code, left.out) == (0, f"a  resumed (pid {running.process.pid} on {os.uname().nodename})\n")
    wait_until(lambda: gate.arrived() == 2)
    cancelled = two_pages.supervisor("cancel", "a", "--json", cwd=there, **environment)
    assert (cancelled.code, cancelled.document["answers"][0]["runs"][0]["effect"]) == (0, "cancelled"), cancelled
    done = running.end()
    assert (done.code, done.runs["a"]["status"], done.document["session"]["status"]) == (1, "cancelled", "cancelled")
    assert len(two_pages.recognised("a")) == 1
    assert not (there / ".autonomous_runs" / "a").exists()
