"""What a terminal shows while runs go on, as a terminal emulator draws it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from supervisor.board.progress import RunProgress
from supervisor.dashboard.runs.progress import LiveQueue, LiveTable, ProgressView
from supervisor.executor.messages import EndedDocument
from supervisor.model.states import RunStatus
from support.clocks import HandClock

Run = Callable[..., RunProgress]
MakeTerminal = Callable[[int, int], Any]
RUNNING, QUEUED = RunStatus.RUNNING, RunStatus.QUEUED
AT_WORK = {"documents_opened": 2, "pages": 4, "pages_done": {"ocr": 1}}


def show(view: ProgressView, *progress: RunProgress) -> None:
    for one in progress:
        view.update(one)


def drawn(view: LiveTable) -> list[str]:
    """What stands on the terminal after the next drawing."""
    view._live.refresh()
    shown: list[str] = view._console.shown  # type: ignore[attr-defined]  # the terminal of these tests
    return shown


@pytest.mark.parametrize("columns", [80, 160])
def test_each_run_has_a_line_that_does_not_break(
    terminal: MakeTerminal, clock: HandClock, run: Run, columns: int
) -> None:
    view = LiveTable(terminal(columns, 24), clock)
    with view:
        name = "ledgers-of-the-harbour-office-1890-to-1921"
        show(view, run("letters"), run(name), run("books"))
        show(view, run("letters", RUNNING, "recognising", **AT_WORK))
        elsewhere = "executing (attic-811-05d57f8a-1)"
        show(view, run(name, RUNNING, elsewhere, documents=12_000, documents_opened=3, pages=1234))
        clock.seconds += 65
        show(view, run("letters", RUNNING, "recognising", **(AT_WORK | {"pages_done": {"ocr": 2}})))
        lines = drawn(view)
    assert all(len(line) <= columns for line in lines)
    assert [line.split()[0] for line in lines] == ["run", "letters", fit(name, columns), "books", "3"]
    assert lines[0].split() == ["run", "state", "documents", "failed", "pages", "time", "left"]
    assert lines[1].split()[-5:] == ["0", half_a_bar(columns), "2/4", "1:05", "2:10"]
    assert "0/12000" in lines[2]
    assert "0/1,234+" in lines[2]
    assert (elsewhere if columns == 160 else "executing (…") in lines[2]
    assert lines[4] == "3 runs: 2 running, 1 queued; 2 of 1,238+ pages; 0.0 pages/s", "no time that is as good as none"


@pytest.mark.parametrize(
    ("columns", "heading"),
    [
        (72, "run state documents failed pages time left"),
        (64, "run state documents failed pages time"),
        (40, "run state pages"),
    ],
)
def test_a_narrow_terminal_has_fewer_columns(
    terminal: MakeTerminal, clock: HandClock, run: Run, columns: int, heading: str
) -> None:
    view = LiveTable(terminal(columns, 24), clock)
    with view:
        show(view, run("ledgers-of-the-harbour", RUNNING, "recognising", **AT_WORK))
        lines = drawn(view)
    assert " ".join(lines[0].split()) == heading
    assert all(len(line) <= columns for line in lines)
    assert lines[1].startswith("ledgers-of-the-ha…  recognising  ")


def fit(name: str, columns: int) -> str:
    return f"{name[:17]}…" if columns == 80 else f"{name[:39]}…"


def half_a_bar(columns: int) -> str:
    return "━━───" if columns == 80 else "━" * 20 + "─" * 20


def test_of_more_runs_than_lines_those_that_execute_come_first_and_the_rest_is_counted(
    terminal: MakeTerminal, clock: HandClock, run: Run
) -> None:
    view = LiveTable(terminal(80, 12), clock)
    with view:
        show(view, *(run(f"done-{number:02}", RunStatus.SUCCEEDED) for number in range(20)))
        show(view, run("bad", RunStatus.FAILED), *(run(f"next-{number:02}") for number in range(20)))
        show(view, *(run(f"now-{number}", RUNNING, "recognising", **AT_WORK) for number in range(3)))
        lines = drawn(view)
    names = ["now-0", "now-1", "now-2", "bad", "next-00", "next-01", "next-02", "next-03"]
    assert [line.split()[0] for line in lines[1:-2]] == names
    assert lines[-2:] == [
        "and 16 queued, 20 succeeded",
        "44 runs: 3 running, 1 failed, 20 queued, 20 succeeded; 3 of 12+ pages",
    ]
    assert len(lines) == 11


def test_a_terminal_of_very_few_lines_has_room_for_one_run(terminal: MakeTerminal, clock: HandClock, run: Run) -> None:
    view = LiveTable(terminal(80, 5), clock)
    with view:
        show(view, *(run(name, RUNNING, "recognising", **AT_WORK) for name in "abc"))
        assert [line.split()[0] for line in drawn(view)] == ["run", "a", "and", "3"]


def test_the_time_of_a_run_goes_on_after_a_retry_and_begins_anew_with_a_new_row(
    terminal: MakeTerminal, clock: HandClock, run: Run
) -> None:
    view = LiveTable(terminal(80, 24), clock)
    running = run("letters", RUNNING, "recognising", **AT_WORK)

    def time() -> str:
        heading, line, _ = drawn(view)[-3:]
        return line[: heading.index("time") + len("time")].split()[-1]

    with view:
        show(view, run("letters"), running)
        clock.seconds += 5
        show(view, run("letters", QUEUED, "retrying", error="killed by signal 9"))
        clock.seconds += 60
        assert time() == "0:05"
        show(view, running)
        clock.seconds += 5
        assert time() == "1:10"
        show(view, run("letters", RunStatus.SUCCEEDED, **AT_WORK))
        clock.seconds += 60
        assert time() == "1:10"
        show(view, running)
        clock.seconds += 2
        assert time() == "0:02"


def test_why_a_run_is_tried_again_stands_above_the_table(terminal: MakeTerminal, clock: HandClock, run: Run) -> None:
    view = LiveTable(terminal(80, 24), clock)
    with view:
        view._live.refresh()
        show(view, run("letters"), run("letters", RUNNING, "recognising", ended=[EndedDocument("a.png", "is empty")]))
        show(view, *[run("letters", QUEUED, "retrying", error="killed by signal 9")] * 2)
        assert drawn(view)[0] == "letters: retrying: killed by signal 9"
        assert len(drawn(view)) == 4


def test_with_verbose_documents_stand_above_it_too(terminal: MakeTerminal, clock: HandClock, run: Run) -> None:
    view = LiveTable(terminal(80, 24), clock, verbose=True)
    with view:
        show(
            view, run("letters", RUNNING, "recognising", ended=[EndedDocument("a.png", pages={"ocr": 1}, seconds=0.5)])
        )
        assert drawn(view)[0] == "letters: a.png (1 page: 1 recognised, 0.5 s)"


def test_the_hint_of_a_paused_session_stands_once_and_on_one_line(
    terminal: MakeTerminal, clock: HandClock, run: Run
) -> None:
    view = LiveTable(terminal(80, 24), clock)
    with view:
        show(view, *(run(name, RUNNING, "recognising", **AT_WORK) for name in ("letters", "books")))
        clock.seconds += 65
        hint = "session:b28e79996e38"
        show(view, *(run(name, QUEUED, "paused", resume=hint, **AT_WORK) for name in ("letters", "books")))
        lines = drawn(view)
    assert [line.split()[:2] for line in lines[1:3]] == [["letters", "paused"], ["books", "paused"]]
    assert lines[3:] == [f"paused; to go on: supervisor resume {hint}", "2 runs: 2 paused; 2 of 8 pages"]


@pytest.mark.parametrize(("number", "names"), [(2, " run-0 run-1"), (40, "")])
def test_paused_runs_are_named_together_where_they_have_room(
    terminal: MakeTerminal, clock: HandClock, run: Run, number: int, names: str
) -> None:
    view = LiveTable(terminal(80, 60), clock)
    with view:
        show(view, *(run(f"run-{one}", QUEUED, "paused", resume=f"run-{one}") for one in range(number)))
        assert drawn(view)[-2] == f"paused; to go on: supervisor resume{names}"


def test_it_is_drawn_anew_in_the_width_that_a_terminal_has_now(
    terminal: MakeTerminal, clock: HandClock, run: Run
) -> None:
    console = terminal(160, 24)
    view = LiveTable(console, clock)
    with view:
        show(view, run("letters", RUNNING, "recognising", **AT_WORK))
        wide = drawn(view)[1]
        console.width = 80
        view._live.refresh()
        # Those lines of 120 characters take two of the narrower terminal each.
        assert console.file.getvalue().rsplit("run ", 1)[0].endswith("\x1b[2K" + "\x1b[1A\x1b[2K" * 4)
    assert len(wide) > 80


def test_nothing_is_left_of_it_at_the_end(terminal: MakeTerminal, clock: HandClock, run: Run) -> None:
    view = LiveTable(terminal(80, 24), clock)
    with view:
        show(view, run("letters", RUNNING, "recognising", **AT_WORK))
        view.note("a line")
        assert len(drawn(view)) > 1
    assert view._console.shown == ["a line"]  # type: ignore[attr-defined]  # the terminal of these tests


def test_runs_of_a_queue_come_go_and_come_again(terminal: MakeTerminal, clock: HandClock, run: Run) -> None:
    view = LiveQueue(terminal(80, 24), clock)
    letters, books = (run(name, RUNNING, "recognising", **AT_WORK) for name in ("letters", "books"))
    with view:
        assert drawn(view) == ["nothing to do"]
        show(view, letters, books)
        clock.seconds += 65
        assert [line.split()[0] for line in drawn(view)[1:3]] == ["letters", "books"]
        show(view, run("letters", RunStatus.SUCCEEDED, documents_done=2, pages=4, pages_done={"ocr": 4}))
        assert drawn(view)[0] == "letters: succeeded (2 of 2 documents, 4 pages: 4 recognised)"
        assert [line.split()[0] for line in drawn(view)[2:3]] == ["books"]
        show(view, letters)
        assert [line.split()[0] for line in drawn(view)[2:4]] == ["books", "letters"]


def test_what_leaves_a_queue_unfinished_and_what_fails_in_it_is_told(
    terminal: MakeTerminal, clock: HandClock, run: Run
) -> None:
    view = LiveQueue(terminal(80, 24), clock)
    with view:
        show(view, run("letters", RUNNING, "recognising", ended=[EndedDocument("a.png", "it is a text file")]))
        show(view, run("letters", QUEUED, "retrying", error="killed by signal 9"))
        assert drawn(view) == [
            "letters: failed: a.png: it is a text file",
            "letters: retrying: killed by signal 9",
            "nothing to do",
        ]


def test_nothing_is_drawn_while_a_line_is_printed(
    terminal: MakeTerminal, clock: HandClock, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread tries, while a line is printed, what the thread that draws would do."""
    console, could_draw = terminal(80, 24), []
    printing = console.print

    def draw() -> None:
        could_draw.append(view._live._lock.acquire(blocking=False))
        if could_draw[-1]:
            view._live._lock.release()

    def watched(*objects: Any, **settings: Any) -> None:
        thread = threading.Thread(target=draw)
        thread.start()
        thread.join()
        printing(*objects, **settings)

    monkeypatch.setattr(console, "print", watched)
    view = LiveQueue(console, clock)
    show(view, run("letters", RUNNING, "recognising"), run("letters", RunStatus.SUCCEEDED))
    assert could_draw == [False]


def test_what_is_said_cannot_steer_the_terminal(terminal: MakeTerminal, clock: HandClock) -> None:
    view = LiveTable(terminal(80, 24), clock)
    view.note("red \x1b[31m [bold]plain[/bold]")
    assert view._console.shown == ["red \\x1b[31m [bold]plain[/bold]"]  # type: ignore[attr-defined]  # as above
