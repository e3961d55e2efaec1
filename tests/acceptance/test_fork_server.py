"""The process that executors are forked from: killed, and signalled together with the supervisor."""

import contextlib
import os
import signal
from typing import Any

import psutil

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
MARK = "nobody else's business"
CREDENTIALS = dict.fromkeys(("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "GIT_ASKPASS", "PYTHONSTARTUP"), MARK)


def fork_server(running: Any) -> psutil.Process:
    """The supervisor's own; that of an executor's page processes is no child of the supervisor."""
    children = psutil.Process(running.process.pid).children()
    (found,) = [child for child in children if "forkserver" in " ".join(child.cmdline())]
    return found


def test_runs_outlive_the_fork_server_and_later_ones_get_another(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a,b,c", "--workers=2", "--json", **CREDENTIALS, **gate.environment)
    wait_until(lambda: gate.arrived() == 2)
    first = fork_server(running)
    first.kill()
    gate.let_through(2)
    wait_until(lambda: gate.arrived() == 3)
    second = fork_server(running)
    assert second.pid != first.pid
    for process in three.processes():
        with contextlib.suppress(psutil.Error):  # those that end meanwhile have no environment any more
            assert process.pid == running.process.pid or MARK not in process.environ().values(), process
    gate.open()
    done = running.end()
    assert (done.code, done.document["session"]["status"]) == (0, "completed")
    assert {run["status"] for run in done.document["runs"]} == {"succeeded"}
    assert "Traceback" not in done.err
    assert not three.processes()


def test_an_executor_that_dies_after_its_fork_server_fails_its_run_alone(
    three: Archive, gate: Any, wait_until: Any
) -> None:
    running = three.start("--run-ids=a,b", "--workers=2", "--max-retries=0", "--json", **gate.environment)
    wait_until(lambda: gate.arrived() == 2 and three.holder("a")["process_group"])
    fork_server(running).kill()
    os.kill(three.holder("a")["process_group"], signal.SIGKILL)
    wait_until(lambda: running.says("a: failed"))
    gate.open()
    done = running.end()
    assert {name: run["status"] for name, run in done.runs.items()} == {"a": "failed", "b": "succeeded"}
    assert "cannot tell how" in done.runs["a"]["error"]


def test_a_stopped_fork_server_does_not_outlive_its_supervisor(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a", **gate.environment)
    wait_until(gate.arrived)
    stopped = fork_server(running)
    stopped.suspend()
    running.process.kill()
    running.end()
    gate.open()
    wait_until(lambda: not three.processes(), 15)
    assert three.supervisor("--run-ids=a").code == 0


def test_sigterm_to_the_whole_group_stores_the_pages_in_flight(archive: Archive, gate: Any, wait_until: Any) -> None:
    pages = [f"scans/{number}.png" for number in range(4)]
    archive.scan(*pages)
    archive.job("a", "scans/*.png")
    archive.commit()
    gate.let_through(1)
    running = archive.start("--run-ids=a", "--ocr-workers=1", **gate.environment)
    wait_until(lambda: len(archive.recognised("a")) == 1 and gate.arrived() == 2)
    server = fork_server(running)
    os.killpg(running.process.pid, signal.SIGTERM)  # as `timeout` and process managers do
    wait_until(lambda: archive.has_heard_to_stop("a"))
    assert running.says("stopping")
    assert server.status() != psutil.STATUS_ZOMBIE
    gate.let_through(1)
    assert running.end().code == 128 + signal.SIGTERM
    assert len(archive.events("a", "attempt_stopped")) == 1
    assert len(archive.recognised("a")) == 2
    gate.open()
    done = archive.supervisor("--run-ids=a", "--json", **gate.environment)
    assert (done.code, done.runs["a"]["attempt"], archive.recognised("a")) == (0, 1, pages)


def test_ctrl_c_while_it_still_imports_is_told_in_one_line(three: Archive, wait_until: Any) -> None:
    def imports() -> bool:
        with contextlib.suppress(ValueError, psutil.Error):
            return any("site-packages" in loaded.path for loaded in fork_server(running).memory_maps())
        return False

    running = three.start("--run-ids=a")
    wait_until(imports)
    running.ctrl_c()
    done = running.end()
    assert done.code == 130
    assert "Traceback" not in done.err
    assert not three.processes()
