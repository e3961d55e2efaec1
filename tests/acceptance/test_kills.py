"""Kills that nobody can handle: of the supervisor, of an executor, of tesseract."""

import contextlib
import os
import signal
import subprocess
from typing import Any

import psutil
import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
PAGES = [f"scans/{number}.png" for number in range(4)]


def test_after_sigkill_of_the_supervisor_nothing_stays_and_the_same_command_finishes(
    archive: Archive, gate: Any, wait_until: Any
) -> None:
    archive.scan(*PAGES)
    archive.job("a", "scans/*.png")
    archive.commit()
    gate.let_through(1)
    running = archive.start("--run-ids", "a", "--ocr-workers", "1", **gate.environment)
    wait_until(lambda: len(archive.recognised("a")) == 1 and gate.arrived() == 2)
    running.process.kill()
    assert running.end().code == -signal.SIGKILL
    # Its executor finishes the page in flight, and no other.
    gate.let_through(1)
    wait_until(lambda: not archive.processes())
    assert not archive.held_locks()
    assert not [path for path in archive.scratch("a") if path.is_file()]
    assert len(archive.recognised("a")) == 2
    gate.open()
    done = archive.supervisor("--run-ids", "a", "--json", **gate.environment)
    assert (done.code, done.runs["a"]["attempt"]) == (0, 1)
    assert archive.recognised("a") == PAGES
    assert done.runs["a"]["pages"]["ocr"] == len(PAGES)
    assert not archive.scratch("a")
    assert archive.git("worktree", "list").count("\n") == 1
    assert archive.pins() == ""


@pytest.fixture(scope="module")
def in_a_pid_namespace() -> str:
    """What starts a program as the first process of a pid namespace of its own, as a container does."""
    command = "unshare --pid --fork --mount-proc"
    for words in (command, f"{command} --user --map-root-user"):
        if subprocess.run([*words.split(), "true"], capture_output=True, check=False).returncode == 0:
            return words
    pytest.skip("pid namespaces may not be made here")


def test_what_a_killed_container_left_is_continued_by_the_same_command(
    three: Archive, gate: Any, wait_until: Any, in_a_pid_namespace: str
) -> None:
    running = three.shell(f"exec {in_a_pid_namespace} supervisor --run-ids=a", **gate.environment)
    wait_until(gate.arrived)
    # Alive, it is seen to hold its run also from here.
    refused = three.supervisor("--run-ids=a")
    assert (refused.code, "nothing was started" in refused.err) == (3, True), refused
    (first,) = psutil.Process(running.process.pid).children()
    first.kill()
    running.end()
    wait_until(lambda: not three.processes())
    done = three.supervisor("--run-ids=a", "--json")
    assert (done.code, done.runs["a"]["attempt"]) == (0, 1), done
    assert three.recognised("a") == ["scans/a.png"]


def test_what_one_supervisor_left_may_be_continued_by_two(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a,b", "--workers=1", **gate.environment)
    wait_until(gate.arrived)
    running.process.kill()
    running.end()
    heir = three.start("--run-ids=a", "--json", **gate.environment)
    wait_until(lambda: gate.arrived() == 2)
    # It serves `a` alone, although both belong to one session.
    done = three.supervisor("--run-ids=b", "--json")
    assert (done.code, done.runs["b"]["attempt"]) == (0, 1), done
    gate.open()
    assert heir.end().code == 0


@pytest.mark.parametrize("command", [("--run-ids=a",), ("work", "--once")], ids=["the same", "a worker"])
def test_an_executor_that_is_held_is_ended_by_the_next_command_which_finishes(
    three: Archive, gate: Any, wait_until: Any, command: tuple[str, ...]
) -> None:
    running = three.start("--run-ids", "a", **gate.environment)
    wait_until(gate.arrived)
    executor = psutil.Process(three.holder("a")["process_group"])
    executor.suspend()
    running.process.kill()
    running.end()
    done = three.supervisor(*command, "--json")
    assert (done.code, done.runs["a"]["attempt"]) == (0, 1)
    assert not executor.is_running() or executor.status() == psutil.STATUS_ZOMBIE
    assert three.recognised("a") == ["scans/a.png"]
    assert not three.scratch("a")


def test_a_run_whose_executor_was_killed_is_tried_again(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids", "a,b", "--workers", "2", "--json", **gate.environment)
    wait_until(lambda: gate.arrived() == 2 and three.holder("b")["process_group"])
    os.kill(three.holder("b")["process_group"], signal.SIGKILL)
    wait_until(lambda: gate.arrived() == 3)
    gate.open()
    done = running.end()
    assert (done.code, done.runs["b"]["status"], done.runs["b"]["attempt"]) == (0, "succeeded", 2), done
    assert (done.runs["a"]["attempt"], done.runs["b"]["error"]) == (1, None)


def test_sigkill_of_an_executor_fails_that_run_alone(three: Archive, gate: Any, wait_until: Any) -> None:
    options = ("--run-ids", "a,b,c", "--workers", "3", "--max-retries", "0", "--json")
    running = three.start(*options, **gate.environment)
    wait_until(lambda: gate.arrived() == 3 and three.holder("b")["process_group"])
    os.kill(three.holder("b")["process_group"], signal.SIGKILL)
    wait_until(lambda: running.says("b: failed"))
    gate.open()
    done = running.end()
    assert (done.code, done.document["session"]["status"]) == (1, "failed")
    assert {run_id: run["status"] for run_id, run in done.runs.items()} == {
        "a": "succeeded",
        "b": "failed",
        "c": "succeeded",
    }
    assert "SIGKILL" in done.runs["b"]["error"]
    assert not three.scratch("b")
    assert three.supervisor("--run-ids", "b", "--json").runs["b"]["attempt"] == 2


def test_sigkill_of_tesseract_costs_at_most_its_document(archive: Archive, gate: Any, wait_until: Any) -> None:
    archive.scan("one.png", "two.png")
    archive.job("a", "*.png")
    archive.commit()
    running = archive.start("--run-ids", "a", "--json", **gate.environment)
    wait_until(lambda: gate.arrived() == 2)
    waiting: list[psutil.Process] = []
    for process in archive.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            waiting += [process] if str(gate.folder / "tesseract") in process.cmdline() else []
    waiting[0].kill()
    gate.open()
    done = running.end()
    assert done.code in {0, 1}  # a page whose process somebody killed may be tried once more
    assert done.runs["a"]["documents"]["succeeded"] >= 1
    assert done.runs["a"]["documents"]["total"] == 2
