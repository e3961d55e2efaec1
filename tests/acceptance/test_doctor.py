"""`supervisor doctor`: machines that lack something, and slots that others have."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from supervisor.ocr.slots.budget import SlotBudget
from supervisor.supervision.checkup.checkup import CHECKS

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

TAKE_ONE = """
import sys
from pathlib import Path
from supervisor.ocr.slots.budget import SlotBudget

slot = SlotBudget(Path(sys.argv[1]), slots=4, memory_bytes=10**10).acquire(1_600_000_000)
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def slots(tmp_path: Path) -> Path:
    directory = tmp_path / "slots"
    directory.mkdir()
    return directory


@pytest.fixture
def doctor(archive: Archive, slots: Path) -> Callable[..., Any]:
    """Call it on the archive, and on slots that are this test's own."""

    def call(*arguments: str, **settings: Any) -> Any:
        return archive.supervisor("doctor", *arguments, **{"SUPERVISOR_SLOTS_DIR": str(slots), **settings})

    return call


@pytest.fixture
def holder(slots: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has a slot."""
    with subprocess.Popen(
        [sys.executable, "-c", TAKE_ONE, slots], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"taken\n"
        yield process
        process.kill()


def findings(done: Any) -> dict[str, dict[str, Any]]:
    assert done.document["schema"] == "supervisor.doctor/1"
    assert done.document["exit_code"] == done.code
    return {found["name"]: found for found in done.document["findings"]}


def test_a_machine_that_has_everything(three: Archive, doctor: Callable[..., Any]) -> None:
    done = doctor("--json")
    assert done.code == 0
    assert done.err == ""
    found = findings(done)
    assert {name: one["level"] for name, one in found.items()} == dict.fromkeys((check.name for check in CHECKS), "ok")
    assert found["slots"]["facts"]["cores"] == len(os.sched_getaffinity(0))
    assert "eng" in found["languages"]["facts"]["installed"]
    assert found["repository"]["facts"]["path"] == str(three.top)
    # Looking makes nothing.
    assert not three.runs.exists()


def test_slots_can_be_chosen(doctor: Callable[..., Any]) -> None:
    chosen = findings(doctor("--json", SUPERVISOR_OCR_SLOTS="7"))["slots"]
    assert chosen["facts"]["count"] == 7
    assert "SUPERVISOR_OCR_SLOTS" in chosen["message"]


def test_who_has_a_slot_and_how_much_it_reserves(
    doctor: Callable[..., Any], holder: subprocess.Popen[bytes], slots: Path
) -> None:
    budget = SlotBudget(slots, slots=4, memory_bytes=10**10)
    with budget.acquire(800_000_000):
        lines = doctor(COLUMNS="80").out.splitlines()
    (first,) = (number for number, line in enumerate(lines) if "2 taken" in line)
    assert [line.split()[:6] for line in lines[first + 1 : first + 3]] == [
        ["slot", "2", "pid", str(os.getpid()), "0.8", "GB"],
        ["slot", "3", "pid", str(holder.pid), "1.6", "GB"],
    ]
    assert max(len(line) for line in lines[first : first + 4]) <= 80


def test_a_stopped_holder_is_named(
    doctor: Callable[..., Any], holder: subprocess.Popen[bytes], wait_until: Callable[..., None]
) -> None:
    holder.send_signal(signal.SIGSTOP)
    wait_until(lambda: psutil.Process(holder.pid).status() == psutil.STATUS_STOPPED)
    done = doctor("--json")
    assert done.code == 0
    found = findings(done)["slots"]
    assert found["level"] == "warning"
    assert f"kill -CONT {holder.pid}" in found["hint"]
    (taken,) = found["facts"]["taken"]
    assert (taken["slot"], taken["pid"], taken["memory_bytes"]) == (3, holder.pid, 1_600_000_000)


def test_outside_a_repository_the_machine_is_looked_at(doctor: Callable[..., Any], tmp_path: Path) -> None:
    done = doctor(cwd=tmp_path)
    assert done.code == 0
    assert "tesseract" in done.out
    assert "warning  repository" in done.out
    assert "database" not in done.out


def test_a_runs_directory_that_is_not_safe(three: Archive, doctor: Callable[..., Any], tmp_path: Path) -> None:
    three.runs.symlink_to(tmp_path)
    done = doctor()
    assert done.code == 4
    assert "error    runs" in done.out


def test_a_number_of_slots_that_is_none(doctor: Callable[..., Any]) -> None:
    done = doctor("--json", SUPERVISOR_OCR_SLOTS="some")
    assert done.code == 4
    found = findings(done)
    assert "SUPERVISOR_OCR_SLOTS" in found["slots"]["message"]
    assert found["memory"]["level"] == "ok"
