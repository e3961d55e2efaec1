"""What page processes tell of the time that they were at work, and what they do when it is over."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from supervisor.ocr.pages.stopwatch import Stopwatch


class Monotonic:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def test_it_counts_while_it_runs_and_any_process_can_read_it(tmp_path: Path, now: Monotonic) -> None:
    file = Stopwatch.make(tmp_path / "watch")
    ours, others = Stopwatch(file), Stopwatch(file)
    assert others.read() == 0, "nobody has started it"
    ours.start()
    now.seconds += 3
    assert (ours.seconds, others.read()) == (3, 3)
    ours.rest()
    now.seconds += 60
    assert (ours.seconds, others.read()) == (3, 3), "who waits is not at work"
    ours.start()
    now.seconds += 2
    assert (ours.seconds, others.read()) == (5, 5)


def test_it_is_made_where_there_is_room_and_needs_none_later(tmp_path: Path, now: Monotonic) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    spill = tmp_path / "spill"
    assert Stopwatch.make(full, spill) == spill
    before = spill.stat().st_blocks, spill.stat().st_ino
    watch = Stopwatch(spill)
    watch.start()
    now.seconds += 2
    watch.rest()
    assert (Stopwatch(spill).read(), (spill.stat().st_blocks, spill.stat().st_ino)) == (2, before)


def test_who_has_nobody_left_to_tell_goes_on(tmp_path: Path, now: Monotonic) -> None:
    file = Stopwatch.make(tmp_path / "watch")
    watch = Stopwatch(file)
    file.unlink()
    watch.start()
    now.seconds += 2
    watch.rest()
    assert watch.seconds == 2
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"half of it"])
def test_what_cannot_be_read_is_no_time(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "watch"
    file.write_bytes(content)
    assert Stopwatch(file).read() == 0


TASK = """
import ctypes, sys, time
from pathlib import Path
from supervisor.ocr.pages.stopwatch import Stopwatch, TaskClock
clock = TaskClock(Stopwatch(Stopwatch.make(Path(sys.argv[1]))), 0.2)
clock.start()
{then}
print("alive")
"""


@pytest.mark.parametrize(
    ("then", "survives"),
    [
        # Like MuPDF: it keeps the interpreter lock while it hangs.
        ("ctypes.PyDLL(None).usleep(30_000_000)", False),
        ("clock.rest(); time.sleep(0.5)", True),
        ("clock.rest(); time.sleep(0.5); clock.start(); clock.rest()", True),
        ("clock.rest(); clock.start(); ctypes.PyDLL(None).usleep(30_000_000)", False),
    ],
)
def test_a_process_ends_itself_when_its_time_is_over_unless_it_rests(
    tmp_path: Path, then: str, *, survives: bool
) -> None:
    command = [sys.executable, "-c", TASK.format(then=then), str(tmp_path / "watch")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode == 0, done.stdout) == ((True, "alive\n") if survives else (False, "")), done.stderr
