import contextlib
import pty
import sys
from datetime import datetime, timedelta

import pytest
from click import unstyle

from supervisor.cli.reports.tables import print_table, shown_age, shown_moment, shown_share

HEAD = ("run", "state", "pages", "does")
ROWS = [("letters", "running", "7/1,200", "recognising, by desk-4711-1"), ("書簡", "failed", "3/3", "")]


def test_columns_are_aligned_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(HEAD, ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "run      state      pages  does",
        "letters  running  7/1,200  recognising, by desk-4711-1",
        "書簡     failed       3/3",
    ]


def on_terminal(columns: int, monkeypatch: pytest.MonkeyPatch, *, beneath: int = 1) -> list[str]:
    """What a table looks like on a terminal that is so wide."""
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", str(columns))
    with open(theirs, "w") as terminal:  # noqa: PTH123 (a descriptor)
        monkeypatch.setattr(sys, "stdout", terminal)
        print_table(HEAD, ROWS, beneath=beneath)
    with open(ours, "rb", buffering=0) as shown:  # noqa: PTH123 (a descriptor)
        read = b""
        # The end of a terminal is an error.
        with contextlib.suppress(OSError):
            while more := shown.read(10_000):
                read += more
    return read.decode().splitlines()


def test_the_last_column_goes_beneath_where_the_terminal_is_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unstyle(on_terminal(54, monkeypatch)[1]) == "letters  running  7/1,200  recognising, by desk-4711-1"
    assert list(map(unstyle, on_terminal(30, monkeypatch))) == [
        "run      state      pages",
        "letters  running  7/1,200",
        "  recognising, by desk-4711-1",
        "書簡     failed       3/3",
    ]


def test_the_last_column_can_go_on_beneath(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(map(unstyle, on_terminal(42, monkeypatch, beneath=0))) == [
        "run      state      pages  does",
        "letters  running  7/1,200  recognising, by",
        "    desk-4711-1",
        "書簡     failed       3/3",
    ]


def test_states_have_colours_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[31mfailed " in on_terminal(80, monkeypatch)[2]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0 s ago"),
        (59.9, "59 s ago"),
        (60, "1 min ago"),
        (7199, "1 h ago"),
        (86400, "24 h ago"),
        (3e5, "3 days ago"),
    ],
)
def test_ages_are_as_people_say_them(seconds: float, shown: str) -> None:
    assert shown_age(seconds) == shown


def test_a_time_of_today_needs_no_day() -> None:
    now = datetime.now().astimezone()
    assert shown_moment(now) == f"{now:%H:%M:%S}"
    last_year = now - timedelta(days=366)
    assert shown_moment(last_year) == f"{last_year:%Y-%m-%d}"
    assert shown_moment(None) == "-"


def test_all_of_it_is_all_of_it() -> None:
    assert [shown_share(part, 1000) for part in (0, 999, 1000)] == ["0 %", "99 %", "100 %"]
    assert shown_share(0, 0) == "-"
