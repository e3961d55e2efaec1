"""Ctrl-C and SIGTERM: children stopped, state stored, and the same command goes on where it was."""

import signal
import time
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
PAGES = [f"scans/{number}.png" for number in range(5)]


@pytest.fixture
def long_run(archive: Archive) -> Archive:
    """A run of five pages."""
    archive.scan(*PAGES)
    archive.job("a", "scans/*.png")
    archive.commit()
    return archive


def stand_in_the_third_page(archive: Archive, gate: Any, wait_until: Any, *options: str) -> Any:
    """Start the run, and return when two pages are stored and the third is in tesseract."""
    gate.let_through(2)
    running = archive.start("--run-ids", "a", "--ocr-workers", "1", *options, **gate.environment)
    wait_until(lambda: len(archive.recognised("a")) == 2 and gate.arrived() == 3)
    return running


def nothing_is_left(archive: Archive) -> None:
    assert not archive.processes()
    assert not archive.held_locks()
    assert not archive.scratch("a")
    assert list((archive.runs / "workspaces").iterdir()) == []


@pytest.mark.parametrize(("how", "code"), [("Ctrl-C", 130), ("SIGTERM", 143)])
def test_the_pages_in_flight_are_finished_and_the_same_command_continues(
    long_run: Archive, gate: Any, wait_until: Any, how: str, code: int
) -> None:
    running = stand_in_the_third_page(long_run, gate, wait_until)
    if how == "Ctrl-C":
        running.ctrl_c()
    else:
        running.process.send_signal(signal.SIGTERM)
    wait_until(lambda: long_run.has_heard_to_stop("a"))
    assert running.says("stopping")
    gate.let_through(1)
    done = running.end()
    assert done.code == code
    assert "supervisor resume a " in done.out
    nothing_is_left(long_run)
    assert len(long_run.recognised("a")) == 3
    assert not (long_run.runs / "a/output").exists()
    gate.open()
    again = long_run.supervisor("--run-ids", "a", "--ocr-workers", "1", "--json", **gate.environment)
    assert again.code == 0
    assert long_run.recognised("a") == PAGES  # in both terms together, each once
    assert gate.arrived() == len(PAGES)
    assert again.runs["a"]["attempt"] == 1
    assert again.runs["a"]["pages"]["ocr"] == len(PAGES)
    assert all("harbour" in long_run.text("a", page) for page in PAGES)


def test_a_second_ctrl_c_ends_it_at_once(long_run: Archive, gate: Any, wait_until: Any) -> None:
    running = stand_in_the_third_page(long_run, gate, wait_until, "--json")
    running.ctrl_c()
    wait_until(lambda: running.says("once more to stop at once"))
    assert running.process.poll() is None
    running.ctrl_c()
    before = time.monotonic()
    done = running.end()
    assert time.monotonic() - before < 8  # the first one alone gives pages in flight ten seconds
    assert (done.code, done.document["exit_code"], done.runs["a"]["status"]) == (130, 130, "queued")
    nothing_is_left(long_run)
    gate.open()
    assert long_run.supervisor("--run-ids", "a", "--quiet", **gate.environment).code == 0
    assert long_run.recognised("a") == PAGES


def test_a_queued_run_and_a_finished_one_are_told_apart_when_it_goes_on(
    three: Archive, gate: Any, wait_until: Any
) -> None:
    gate.let_through(1)
    running = three.start("--run-ids", "a,b,c", "--workers", "1", "--json", **gate.environment)
    wait_until(lambda: gate.arrived() == 2)
    running.ctrl_c()
    wait_until(lambda: running.says("stopping"))
    running.ctrl_c()
    done = running.end()
    assert done.code == 130
    assert [run["status"] for run in done.document["runs"]] == ["succeeded", "queued", "queued"]
    gate.open()
    again = three.supervisor("--run-ids", "b,c", "--json", **gate.environment)
    assert again.code == 0
    assert again.document["session"]["id"] == done.document["session"]["id"]
    assert again.document["session"]["status"] == "completed"
    assert {run["attempt"] for run in again.document["runs"]} == {1}


def test_with_another_commit_an_interrupted_run_is_superseded(long_run: Archive, gate: Any, wait_until: Any) -> None:
    running = stand_in_the_third_page(long_run, gate, wait_until)
    running.ctrl_c()
    wait_until(lambda: running.says("stopping"))
    running.ctrl_c()
    assert running.end().code == 130
    long_run.git("rm", "--quiet", *PAGES[1:])
    long_run.commit()
    gate.open()
    done = long_run.supervisor("--run-ids", "a", "--json", **gate.environment)
    assert (done.code, done.runs["a"]["attempt"]) == (0, 2)
    assert (done.runs["a"]["pages"]["total"], done.runs["a"]["pages"]["cache"]) == (1, 1)
    assert long_run.recognised("a") == [], "it was recognised for the first attempt"
