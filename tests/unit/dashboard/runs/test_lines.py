import io
from collections.abc import Callable

import pytest
from rich.console import Console

from supervisor.board.progress import RunProgress
from supervisor.dashboard.runs.progress import PlainLines
from supervisor.executor.messages import EndedDocument
from supervisor.model.states import RunStatus
from support.clocks import HandClock

Run = Callable[..., RunProgress]
RUNNING, QUEUED, SUCCEEDED = RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.SUCCEEDED
BROKEN = EndedDocument("b.png", "it is a text file")
GOOD = EndedDocument("a.tiff", pages={"ocr": 2, "cache": 1}, seconds=1.94, mean_confidence=87.6, weak_pages=1)
PLAIN = EndedDocument("c.pdf", pages={"text_layer": 1})


@pytest.fixture
def log() -> Console:
    return Console(file=io.StringIO(), width=20)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_each_stage_is_told_also_of_a_run_that_comes_twice(log: Console, clock: HandClock, run: Run) -> None:
    view = PlainLines(log, clock)
    running = run("letters", RUNNING, "recognising", pages=4, pages_done={"ocr": 1})
    retrying = run("letters", QUEUED, "retrying", error="killed by signal 9")
    done = run("letters", SUCCEEDED, documents_done=2, pages=4, pages_done={"ocr": 4})
    for one in (run("letters"), running, running, retrying, running, done, running, done):
        view.update(one)
    assert printed(log) == [
        "letters: queued (2 documents)",
        "letters: recognising",
        "letters: retrying: killed by signal 9",
        "letters: recognising",
        "letters: succeeded (2 of 2 documents, 4 pages: 4 recognised)",
        "letters: recognising",
        "letters: succeeded (2 of 2 documents, 4 pages: 4 recognised)",
    ]


def test_every_document_that_fails_gets_its_line_though_several_come_at_once(
    log: Console, clock: HandClock, run: Run
) -> None:
    view, running = PlainLines(log, clock), run("letters", RUNNING, "recognising")
    view.update(running)
    told = running.advanced(documents_opened=0, pages_found=0, pages={}, because={}, ended=[BROKEN])
    told = told.advanced(
        documents_opened=1, pages_found=3, pages={}, because={}, ended=[GOOD, EndedDocument("d.tiff", "is empty")]
    )
    view.update(told)
    view.update(told.looked_at())
    assert (told.documents_done, told.documents_failed) == (3, 2)
    assert told.documents_opened == 3, "nobody waits for pages of those that could not be opened"
    assert printed(log) == [
        "letters: recognising",
        "letters: failed: b.png: it is a text file",
        "letters: failed: d.tiff: is empty",
    ]


def test_with_verbose_every_document_gets_one_with_its_figures(log: Console, clock: HandClock, run: Run) -> None:
    view, running = PlainLines(log, clock, verbose=True), run("letters", RUNNING, "recognising")
    view.update(running)
    view.update(running.advanced(documents_opened=0, pages_found=0, pages={}, because={}, ended=[GOOD, BROKEN, PLAIN]))
    assert printed(log)[1:] == [
        "letters: a.tiff (3 pages: 2 recognised, 1 reused, 1.9 s, confidence 88, 1 weak page)",
        "letters: failed: b.png: it is a text file",
        "letters: c.pdf (1 page: 1 from their text layer)",
    ]


def test_who_rests_says_what_to_type(log: Console, clock: HandClock, run: Run) -> None:
    view = PlainLines(log, clock)
    view.update(run("letters"))
    view.update(run("letters", QUEUED, "paused", resume="session:b28e79996e38", error="its database is away"))
    assert printed(log)[1:] == ["letters: paused: supervisor resume session:b28e79996e38"]


def test_a_run_that_says_nothing_for_a_minute_tells_how_far_it_is(log: Console, clock: HandClock, run: Run) -> None:
    view = PlainLines(log, clock)
    for pages in range(150):
        documents = {"documents": 20, "documents_opened": 10, "pages": 1000}
        view.update(run("letters", RUNNING, "recognising", **documents, pages_done={"ocr": 10 * pages}))
        clock.seconds += 1
    assert printed(log) == [
        "letters: recognising",
        "letters: 600 of 1,000+ pages, about 2:20 left",
        "letters: 1,200 of 1,000+ pages, about 1:20 left",
    ]


def test_what_is_said_cannot_steer_the_terminal(log: Console, clock: HandClock, run: Run) -> None:
    view = PlainLines(log, clock)
    view.note("red \x1b[31m [bold]plain[/bold]")
    ended = [EndedDocument("\x1b[2J.png", "[red]it is\nempty")]
    view.update(run("letters", RUNNING, "recognising", ended=ended))
    assert printed(log)[:2] == [
        "red \\x1b[31m [bold]plain[/bold]",
        "letters: failed: \\x1b[2J.png: [red]it is\\nempty",
    ]
