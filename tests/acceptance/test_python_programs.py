"""The programs of the how-to pages, as users save and start them."""

import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supervisor import WorkerCoordinator
from supervisor.supervision.workers.task import StaleTaskError

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
SCRIPT = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def save(archive: Archive) -> Callable[[str], Path]:
    def save(page: str) -> Path:
        (script,) = SCRIPT.findall((HOW_TO / page).read_text())
        saved: Path = archive.home / page.replace(".md", ".py")
        saved.write_text(script)
        return saved

    return save


def page_rows(archive: Archive, run_id: str) -> list[int]:
    with closing(sqlite3.connect(archive.runs / run_id / f"{run_id}.db")) as results:
        return [number for (number,) in results.execute("SELECT page_number FROM pages ORDER BY page_number")]


def workers(archive: Archive) -> list[str]:
    with closing(sqlite3.connect(archive.runs / "control.db")) as control:
        return [worker for (worker,) in control.execute("SELECT id FROM workers ORDER BY started_at")]


def test_a_worker_that_is_interrupted_gives_its_run_back_and_one_empties_the_queue(
    three: Archive, save: Callable[[str], Path], gate: Any, wait_until: Any
) -> None:
    assert three.supervisor("start", "night batch", "--run-ids=a,b").code == 0
    script = save("own-worker.md")
    running = three.python(script, **gate.environment)
    wait_until(gate.arrived)
    running.ctrl_c()
    done = running.end()
    assert (done.code, done.out, done.err) == (0, "a: queued\n", "")
    with closing(sqlite3.connect(three.runs / "control.db")) as control:
        assert control.execute("SELECT status, attempt FROM runs").fetchall() == [("queued", 1)] * 2
    done = three.python(script, "--once").end()
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "a: page 1 of scans/a.png",
        "a: succeeded, 1 pages",
        "b: page 1 of scans/b.png",
        "b: succeeded, 1 pages",
    ]
    assert "harbour" in three.text("a", "scans/a.png")


def test_what_a_killed_worker_had_is_finished_by_a_supervisor(
    archive: Archive, save: Callable[[str], Path], gate: Any, wait_until: Any
) -> None:
    archive.book("scans/book.tiff", pages=3)
    archive.job("a", "scans/book.tiff")
    archive.commit()
    assert archive.supervisor("start", "night batch", "--run-ids=a").code == 0
    gate.let_through(1)
    running = archive.python(save("own-worker.md"), **gate.environment)
    wait_until(lambda: "page 1 of" in running.out.read_text() and gate.arrived() == 2)
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    assert page_rows(archive, "a") == [1]
    gate.open()
    done = archive.supervisor("work", "--once", "--json", **gate.environment)
    assert (done.code, done.document["runs"][0]["status"]) == (0, "succeeded")
    assert page_rows(archive, "a") == [1, 2, 3]
    assert len(archive.recognised("a")) == 2
    assert archive.text("a", "scans/book.tiff").split() == ["page", "1", "page", "2", "page", "3"]
    dead = workers(archive)[0]
    with (
        WorkerCoordinator(archive.top) as coordinator,
        pytest.raises(StaleTaskError, match=f"worker '{dead}' ") as late,
    ):
        coordinator.complete_task(dead)
    assert late.value.exit_code == 3


def sessions(archive: Archive) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(archive.runs / "control.db")) as control:
        assert control.execute("SELECT * FROM file_locks").fetchall() == []
        return control.execute("SELECT title, status FROM sessions ORDER BY created_at").fetchall()


def test_an_orchestrator_that_is_interrupted_goes_on_where_it_was(
    three: Archive, save: Callable[[str], Path], gate: Any, wait_until: Any
) -> None:
    script = save("orchestrate.md")
    running = three.python(script, **gate.environment)
    wait_until(lambda: gate.arrived() >= 2)
    second = three.python(script).end()
    assert second.code == 3
    assert second.err.startswith("already locked: scans/a.png, scans/b.png, scans/c.png by session 'night'")
    running.ctrl_c()
    wait_until(lambda: three.has_heard_to_stop("batch-1"))
    running.ctrl_c()
    done = running.end()
    assert (done.code, done.err) == (130, "interrupted; start this program again to go on with batch-1, batch-2\n")
    gate.open()
    assert [status for _, status in sessions(three)] == ["cancelled", "running", "cancelled"]
    again = three.python(script).end()
    assert (again.code, again.err) == (0, "")
    words = "The harbour master keeps a log of every winter"
    assert again.out.splitlines() == [
        f"batch-1  scans/a.png: {words}",
        f"batch-1  scans/b.png: {words}",
        f"batch-2  scans/c.png: {words}",
        "3 of 3 documents",
    ]
    assert len(three.recognised("batch-1") + three.recognised("batch-2")) == 3
    assert [status for _, status in sessions(three)] == ["cancelled", "completed", "cancelled", "completed"]
