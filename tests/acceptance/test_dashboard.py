"""`supervisor dashboard`, as a person watches it, and as a log gets it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor import DashboardConfig, LiveDashboard
from support.screens import SECONDS, Screen, screen

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
PROGRAM = Path(sys.executable).with_name("supervisor")
GIVEN_BACK = b"\x1b[?7h\x1b[?25h\x1b[?1049l"


@pytest.fixture
def night(three: Archive) -> Archive:
    """A session of which nothing is executed."""
    assert three.supervisor("start", "Night", "--run-ids", "a,b,c", "--lane", "A=a,b").code == 0
    return three


@contextmanager
def typed(
    archive: Archive, seen: Screen, *words: str, has_shell: bool = True, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Have somebody type a command that shows session Night on the whole of a terminal."""
    process = subprocess.Popen(
        [PROGRAM, *words],
        cwd=archive.top,
        env=archive.environment(TERM="xterm-256color", **environment),
        stdin=seen.program,
        stdout=seen.program,
        stderr=seen.program,
        # A shell gives a command a group, and stays in the same session.
        **({"process_group": 0} if has_shell else {"start_new_session": True}),
    )
    try:
        seen.wait(lambda lines: any(line.startswith("Night ") for line in lines))
        yield process
    finally:
        process.kill()
        process.wait()


def leave_with_q(seen: Screen, _process: subprocess.Popen[bytes]) -> None:
    seen.type("q")


def leave_with_ctrl_c(_seen: Screen, process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def terminate(_seen: Screen, process: subprocess.Popen[bytes]) -> None:
    process.terminate()


def hang_up(_seen: Screen, process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGHUP)


def watched(archive: Archive, seen: Screen, *options: str, **environment: str) -> Any:
    return typed(archive, seen, "dashboard", "--refresh", "0.2", *options, **environment)


@pytest.mark.parametrize(
    ("leave", "code"), [(leave_with_q, 0), (leave_with_ctrl_c, 0), (terminate, 143), (hang_up, 129)]
)
def test_who_leaves_finds_the_terminal_as_it_was(night: Archive, leave: Callable[..., None], code: int) -> None:
    with screen() as seen:
        before = seen.modes()
        with watched(night, seen) as process:
            leave(seen, process)
            assert process.wait(SECONDS) == code
        seen.wait(lambda _lines: seen.written.endswith(GIVEN_BACK))
        assert seen.modes() == before
        assert not seen.blank


def test_what_happens_is_seen_and_a_shell_gets_the_terminal_meanwhile(night: Archive, wait_until: Any) -> None:
    with screen(80, 30) as seen, watched(night, seen, "--session", "Nig", NO_COLOR="1") as process:
        os.kill(process.pid, signal.SIGTSTP)
        wait_until(lambda: os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED | os.WNOHANG)[1]))
        seen.wait(lambda _lines: seen.written.endswith(GIVEN_BACK))
        os.kill(process.pid, signal.SIGCONT)
        seen.wait(lambda lines: lines[0].startswith("archive  session Night"))
        assert night.supervisor("cancel", "Night").code == 0
        lines = seen.wait(lambda lines: any(line.startswith("Night ") and "cancelled" in line for line in lines))
        # The session, its runs, and what happened to each of them.
        assert sum("cancelled" in line for line in lines) == 7
        seen.type("q")
        assert process.wait(SECONDS) == 0
    assert b"\x1b[36m" not in seen.written


def test_where_no_shell_waits_ctrl_z_does_not_freeze_it(night: Archive) -> None:
    with screen() as seen, typed(night, seen, "dashboard", "--refresh", "0.2", has_shell=False) as process:
        os.kill(process.pid, signal.SIGTSTP)
        seen.type("q")
        assert process.wait(SECONDS) == 0


def test_elsewhere_it_is_printed_once_or_as_often_as_there_is_time(night: Archive) -> None:
    once = night.supervisor("dashboard")
    assert (once.code, once.err) == (0, "")
    assert "\x1b" not in once.out
    assert [line.split() for line in once.out.splitlines() if line.startswith(("Night", "  A"))] == [
        ["Night", "running", "0/3", "───────────", "0%"],
        ["A", "-", "2", "queued"],
    ]
    often = night.supervisor("dashboard", "--duration", "1", "--refresh", "0.1", "--compact", COLUMNS="60")
    assert often.out.count("pages/s") >= 2
    assert max(map(len, often.out.splitlines())) <= 60


def test_states_and_lanes_limit_what_is_told(night: Archive) -> None:
    assert night.supervisor("cancel", "a").code == 0
    assert [
        one["title"] for one in night.supervisor("dashboard", "--status", "running", "--json").document["sessions"]
    ] == ["Night"]
    assert night.supervisor("dashboard", "--status", "paused", "--json").document["sessions"] == []
    lane = night.supervisor("dashboard", "--lane", "A", "--session", "Night", "--json").document
    assert [run["run_id"] for run in lane["runs"]] == ["a", "b"]
    assert lane["sessions"][0]["runs"]["cancelled"] == 1
    assert lane["summary"]["documents"]["queued"] == 2


def test_what_cannot_be_shown_is_refused(night: Archive) -> None:
    unknown = night.supervisor("dashboard", "--session", "Nihgt")
    assert unknown.code == 2
    assert unknown.err.startswith("supervisor: there is no session 'Nihgt' here (")
    for wrong in (("--refresh", "0"), ("--refresh", "nan"), ("--duration", "-1"), ("--duration", "nan")):
        assert night.supervisor("dashboard", *wrong).code == 2
    both = night.supervisor("dashboard", "--json", "--duration", "5")
    assert (both.code, "no meaning" in both.err) == (2, True)


def test_programs_get_text_and_figures(night: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    dashboard = LiveDashboard(night.top, config=DashboardConfig(refresh_rate=0.1), status="running")
    assert dashboard.get_summary().documents.queued == 3
    assert "Night" in dashboard.render_snapshot()
    assert dashboard.start_live(duration=1) is None
    assert capsys.readouterr().out.count("Night") >= 2
    assert night.supervisor("cancel", "Night").code == 0
    LiveDashboard(night.top, session="Night").start_live(until_ended=True)
    assert "cancelled" in capsys.readouterr().out


def test_a_session_is_watched_while_its_runs_are_executed_here(three: Archive) -> None:
    with screen(100, 40) as seen:
        before = seen.modes()
        with typed(three, seen, "start", "Night", "--run-ids", "a,b", "--workers", "2", "--watch") as process:
            seen.wait(
                lambda lines: any(line.startswith("b  ") for line in lines) and lines[-1].startswith("Ctrl-C stops")
            )
            seen.type("q")  # is nobody's key here
            assert process.wait(SECONDS) == 0
        after = seen.written.partition(GIVEN_BACK)[2].decode()
        assert after.count("succeeded") >= 2
        assert seen.modes() == before
        assert not seen.blank


def test_who_only_watches_gets_the_report_when_all_has_ended(three: Archive) -> None:
    with screen() as seen, typed(three, seen, "start", "Night", "--run-ids", "a,b", "--watch") as process:
        assert three.supervisor("cancel", "Night").code == 0
        assert process.wait(SECONDS) == 1
        assert seen.written.partition(GIVEN_BACK)[2].count(b"cancelled") >= 2


def test_who_leaves_before_is_told_how_to_watch_again(three: Archive) -> None:
    with screen() as seen, typed(three, seen, "start", "Night", "--run-ids", "a", "--watch") as process:
        seen.type("q")
        assert process.wait(SECONDS) == 0
        assert b"to watch it again: supervisor dashboard --session" in seen.written


def test_a_log_gets_the_lines_that_it_always_gets(three: Archive) -> None:
    done = three.supervisor("start", "Night", "--run-ids", "a", "--workers", "1", "--watch", "--json")
    assert (done.code, done.runs["a"]["status"]) == (0, "succeeded")
    assert "a: recognising" in done.err
    assert three.supervisor("start", "Night", "--run-ids", "a", "--watch", "--quiet").code == 2
