import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
from rich.console import Console

from supervisor.dashboard.config import DashboardConfig
from supervisor.dashboard.fullscreen import FullScreen
from supervisor.dashboard.sight import Sight
from supervisor.dashboard.viewer import Viewer
from supervisor.store.errors import DatabaseUnavailable
from support.overviews import a_night
from support.screens import Screen, screen

NIGHT = Sight("archive", a_night(), pages_per_second=2.43)
CONFIG = DashboardConfig(refresh_rate=0.1)
LEFT = b"\x1b[?1049l"


def a_session_stands_there(lines: list[str]) -> bool:
    return any(line.startswith("Night of 21") for line in lines) and lines[-1] == "q leaves"


def is_whole(lines: list[str], *, columns: int) -> bool:
    """Whether a picture of that width is there: in its corners are a name, a time and a hint."""
    return lines[0].startswith("archive") and len(lines[0]) == columns and a_session_stands_there(lines)


@contextmanager
def viewed(
    seen: Screen, look: Callable[[], Sight] = lambda: NIGHT, is_over: Callable[[Sight], bool] = lambda _sight: False
) -> Iterator[tuple[Viewer, threading.Thread]]:
    """Have somebody look at the screen, in a thread; changes of its size are told as signals are."""
    with os.fdopen(os.dup(seen.program), "w") as file:
        console = Console(file=file, force_terminal=True)
        viewer = Viewer(FullScreen(console, seen.program, seen.program), CONFIG, hint="q leaves", leaving=b"q")
        watching = threading.Thread(target=viewer.watch, args=(look, None, is_over))
        with viewer.noticing():
            watching.start()
            try:
                yield viewer, watching
            finally:
                viewer.end()
                watching.join(10)
        viewer.close()
    assert not watching.is_alive()


def test_no_moment_is_without_a_picture() -> None:
    speeds = iter(range(1, 1_000_000))
    with screen() as seen:
        with viewed(seen, lambda: replace(NIGHT, pages_per_second=next(speeds))):
            # The fourth line begins with the speed.
            seen.wait(lambda lines: lines[3] and float(lines[3].split()[0]) >= 5)
        seen.wait(lambda _lines: LEFT in seen.written)
    assert not seen.blank
    # What does not change is drawn once.
    assert seen.written.count(b"For tomorrow") == 1


def test_it_fits_the_terminal_again_when_that_has_another_size() -> None:
    with screen(80, 24) as seen, viewed(seen):
        seen.wait(a_session_stands_there)
        for columns, lines in ((60, 20), (160, 50), (60, 12), (80, 24)):
            seen.resize(columns, lines)
            # The kernel tells only the processes that the terminal controls.
            os.kill(os.getpid(), signal.SIGWINCH)
            shown = seen.wait(partial(is_whole, columns=columns))
            assert shown.count("q leaves") == 1
            assert len(shown) == lines
        assert not seen.blank


def test_q_leaves_everything_as_it_was() -> None:
    with screen() as seen:
        before = seen.modes()
        with viewed(seen) as (_, watching):
            seen.wait(a_session_stands_there)
            assert seen.modes() != before
            seen.type("xyz")
            seen.type("q")
            watching.join(10)
            assert not watching.is_alive()
        seen.wait(lambda _lines: seen.written.endswith(LEFT))
        assert seen.modes() == before
        assert seen.written.index(b"\x1b[?1049h") < seen.written.index(b"archive")
        assert seen.written.endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l")


def test_what_is_written_into_the_picture_goes_with_ctrl_l() -> None:
    with screen() as seen, viewed(seen):
        seen.wait(a_session_stands_there)
        os.write(seen.program, b"\x1b[1;1Hsomebody else")
        seen.wait(lambda lines: lines[0].startswith("somebody else"))
        seen.type("\x0c")
        seen.wait(lambda lines: lines[0].startswith("archive"))


def test_the_last_picture_stays_while_the_database_is_away() -> None:
    away = threading.Event()

    def look() -> Sight:
        if away.is_set():
            raise DatabaseUnavailable("connection refused")
        return NIGHT

    with screen() as seen, viewed(seen, look):
        seen.wait(a_session_stands_there)
        away.set()
        lines = seen.wait(lambda lines: lines[-1].startswith("no answer from the database since "))
        assert lines[-1].endswith("; above is how it stood then: connect…")
        assert any(line.startswith("Night of 21") for line in lines)
        away.clear()
        seen.wait(a_session_stands_there)
        assert not seen.blank


def test_keys_wait_for_no_database() -> None:
    hangs, answers = threading.Event(), threading.Event()

    def look() -> Sight:
        if threading.current_thread().name == "lookout":
            hangs.set()
            answers.wait(20)
        return NIGHT

    with screen() as seen, viewed(seen, look) as (_, watching):
        assert hangs.wait(10)
        seen.type("q")
        watching.join(5)
        assert not watching.is_alive()
        answers.set()


def test_a_defect_gives_the_terminal_back_and_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: raised.append(arguments.exc_value))

    def look() -> Sight:
        if threading.current_thread().name == "lookout":
            raise KeyError("letters")
        return NIGHT

    with screen() as seen:
        before = seen.modes()
        with viewed(seen, look) as (_, watching):
            watching.join(10)
        seen.wait(lambda _lines: seen.written.endswith(LEFT))
        assert seen.modes() == before
    assert isinstance(raised[0], KeyError)


def test_it_ends_when_there_is_nothing_more_to_see() -> None:
    with screen() as seen, viewed(seen, is_over=lambda sight: sight is NIGHT) as (_, watching):
        watching.join(10)
        assert not watching.is_alive()


def test_a_terminal_that_does_not_know_its_size_has_the_usual_one() -> None:
    with screen(0, 0) as seen:
        assert FullScreen(Console(), seen.program, None).size == (80, 24)


def test_no_key_ends_it_without_giving_the_terminal_back() -> None:
    with screen() as seen:
        terminal = FullScreen(Console(), seen.program, seen.program)
        before = seen.modes()
        with terminal.taken():
            seen.type("\x1c")
            assert terminal.pressed() == b"\x1c"
        assert seen.modes() == before
