"""One run id, two shells."""

import fcntl
import socket
from typing import Any

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def test_started_twice_at_once_it_executes_once_and_the_other_names_the_holder(
    three: Archive, gate: Any, wait_until: Any
) -> None:
    shells = [three.start("--run-ids", "a", "--json", **gate.environment) for _ in range(2)]
    wait_until(lambda: any(shell.process.poll() is not None for shell in shells))
    wait_until(gate.arrived)
    refused, winner = sorted(shells, key=lambda shell: shell.process.poll() is None)
    other = refused.end()
    assert (other.code, other.document["exit_code"]) == (3, 3)
    assert f"(pid {winner.process.pid} on {socket.gethostname()})" in other.document["error"]["message"]
    # If one of the named runs is refused, none starts.
    both = three.supervisor("--run-ids", "b,a", **gate.environment)
    assert both.code == 3
    assert not (three.runs / "b").exists()
    gate.open()
    done = winner.end()
    assert (done.code, done.runs["a"]["attempt"]) == (0, 1)
    assert three.recognised("a") == ["scans/a.png"]
    assert gate.arrived() == 1


def test_another_run_goes_on_beside_it(three: Archive, gate: Any, wait_until: Any) -> None:
    first = three.start("--run-ids", "a", "--json", **gate.environment)
    wait_until(gate.arrived)
    assert three.supervisor("--run-ids", "b", "--quiet").code == 0
    gate.open()
    assert first.end().code == 0


def test_texts_of_a_control_database_that_was_deleted_are_not_taken_for_new_ones(
    archive: Archive, wait_until: Any
) -> None:
    archive.scan("page.png", lines=["An earlier reading"])
    archive.job("a", "page.png")
    archive.commit()
    assert archive.supervisor("--run-ids=a", "--quiet").code == 0
    for path in archive.runs.glob("control.db*"):
        path.unlink()
    archive.scan("page.png", lines=["A later reading"])
    archive.commit()
    with (archive.runs / ".locks/a.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = archive.start("--run-ids=a", "--json")
        wait_until(lambda: running.says("trying again in"))
    done = running.end()
    # The row has the id, the attempt number and (after a claim that was given back) more than the term of the old one.
    assert (done.code, done.runs["a"]["attempt"]) == (0, 1)
    assert "later" in archive.text("a", "page.png")
    assert archive.recognised("a") == ["page.png"]
