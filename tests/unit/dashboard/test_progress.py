import io
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from supervisor.board.progress import RunProgress
from supervisor.dashboard.progress import LiveQueue, LiveTable, PlainLines, ProgressView
from supervisor.model.states import RunStatus

QUEUED = RunProgress("letters", RunStatus.QUEUED, "queued", documents=2)
RUNNING = replace(QUEUED, status=RunStatus.RUNNING, stage="recognising", documents_opened=2, pages=4)
RUNNING = replace(RUNNING, pages_done={"ocr": 1})
SUCCEEDED = replace(RUNNING, status=RunStatus.SUCCEEDED, stage="succeeded", documents_done=2, pages_done={"ocr": 4})
RETRYING = replace(RUNNING, status=RunStatus.QUEUED, stage="retrying", error="killed by signal 9")
FAILED = replace(RUNNING, documents_failed=1, error="a.png: it is a text file")


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def screen() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)


def drawn(view: LiveTable) -> list[str]:
    """What the table looks like now, line by line, without its heading."""
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        console.print(view._table())
    return [" ".join(line.split()) for line in capture.get().splitlines() if not line.startswith("run ")]


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def show(view: ProgressView, *progress: RunProgress) -> None:
    for one in progress:
        view.update(one)


def test_the_time_of_a_run_goes_on_after_a_retry_and_begins_anew_with_a_new_row(
    screen: Console, clock: HandClock
) -> None:
    view = LiveTable(screen, clock)
    show(view, QUEUED)
    assert drawn(view)[0].startswith("letters queued 0/2 0")
    show(view, RUNNING)
    clock.seconds += 5
    show(view, RETRYING)
    clock.seconds += 60
    assert drawn(view)[0].endswith("0 0:05")
    show(view, RUNNING)
    clock.seconds += 5
    assert drawn(view)[0].endswith("0 1:10")
    show(view, SUCCEEDED)
    clock.seconds += 60
    assert drawn(view)[0].endswith("4/4 0 1:10")
    show(view, RUNNING)
    clock.seconds += 2
    assert drawn(view)[0].endswith("1/4 0 0:02")


def test_why_a_run_is_tried_again_stands_above_the_table(screen: Console, clock: HandClock) -> None:
    show(LiveTable(screen, clock), QUEUED, RUNNING, RETRYING, RUNNING, SUCCEEDED)
    assert printed(screen) == ["letters: retrying: killed by signal 9"]


def test_runs_of_a_queue_come_go_and_come_again(screen: Console, clock: HandClock) -> None:
    view = LiveQueue(screen, clock)
    assert drawn(view) == ["nothing to do"]
    show(view, RUNNING, replace(RUNNING, run_id="books"))
    clock.seconds += 65
    assert [line.split()[0] for line in drawn(view)] == ["letters", "books"]
    show(view, SUCCEEDED)
    assert [line.split()[0] for line in drawn(view)] == ["books"]
    show(view, RUNNING)
    clock.seconds += 1
    assert [line.split()[0] + line.split()[-1] for line in drawn(view)] == ["books1:06", "letters0:01"]
    assert printed(screen) == ["letters: succeeded (2 of 2 documents, 4 pages: 4 recognised)"]


def test_what_leaves_a_queue_unfinished_and_what_fails_in_it_is_told_once(screen: Console, clock: HandClock) -> None:
    view = LiveQueue(screen, clock)
    show(view, RUNNING, FAILED, FAILED, RETRYING)
    assert drawn(view) == ["nothing to do"]
    assert printed(screen) == [
        "letters: failed: a.png: it is a text file",
        "letters: retrying: killed by signal 9",
    ]


def test_plain_lines_tell_each_stage_and_the_same_run_twice() -> None:
    plain = Console(file=io.StringIO(), width=20)
    view = PlainLines(plain)
    show(view, RUNNING, RUNNING, FAILED, RETRYING, RUNNING, SUCCEEDED, RUNNING, SUCCEEDED)
    assert printed(plain) == [
        "letters: recognising",
        "letters: failed: a.png: it is a text file",
        "letters: retrying: killed by signal 9",
        "letters: recognising",
        "letters: succeeded (2 of 2 documents, 4 pages: 4 recognised)",
        "letters: recognising",
        "letters: succeeded (2 of 2 documents, 4 pages: 4 recognised)",
    ]


def test_nothing_is_drawn_while_a_line_is_printed(clock: HandClock) -> None:
    could_draw: list[bool] = []

    class Watched(Console):
        """Tries, while it prints, what the thread that draws would do."""

        def print(self, *objects: Any, **settings: Any) -> None:
            thread = threading.Thread(target=self.draw)
            thread.start()
            thread.join()
            super().print(*objects, **settings)

        def draw(self) -> None:
            could_draw.append(view._live._lock.acquire(blocking=False))
            if could_draw[-1]:
                view._live._lock.release()

    view = LiveQueue(Watched(file=io.StringIO(), force_terminal=True), clock)
    show(view, RUNNING, SUCCEEDED)
    assert could_draw == [False]


def test_what_is_said_cannot_steer_the_terminal(screen: Console, clock: HandClock) -> None:
    views: list[Callable[[Console], ProgressView]] = [PlainLines, lambda console: LiveTable(console, clock)]
    for make in views:
        make(screen).note("red \x1b[31m [bold]plain[/bold]")
    assert printed(screen) == ["red \\x1b[31m [bold]plain[/bold]"] * 2
