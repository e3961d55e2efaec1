from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from supervisor.board.counts import DocumentCounts, PageCounts
from supervisor.board.standing import Standing
from supervisor.board.views import Overview, RunView, SessionView
from supervisor.cli.reports.status import print_next, print_standing
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.supervision.attendance import Attendance
from support.overviews import run

RUNS = Path("/srv/runs")
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
SESSION = SessionView("5e55", "Night", None, SessionStatus.RUNNING, AT, AT, None)
RUN = run(
    "letters",
    RunStatus.QUEUED,
    session_id="5e55",
    worker=None,
    documents=DocumentCounts(total=2),
    pages=PageCounts(),
    created_at=AT,
    started_at=None,
    claimed_at=None,
    heartbeat_at=None,
)
RUNNING = replace(RUN, status=RunStatus.RUNNING, claimed_at=AT, worker="desk-1", stage="recognising")


def standing(*runs: RunView, session: SessionView = SESSION) -> Standing:
    return Standing(Overview(AT), session, runs, (), ())


@pytest.mark.parametrize(
    ("runs", "is_served", "line"),
    [
        ([RUN], False, "supervisor work --session 5e55  "),
        ([RUNNING], False, "supervisor resume 5e55  "),
        ([RUN, RUNNING], False, "supervisor resume 5e55  "),
        ([RUN, RUNNING], True, ""),
        ([replace(RUN, is_paused=True)], False, ""),
        ([replace(RUN, status=RunStatus.SUCCEEDED)], False, ""),
    ],
)
def test_what_goes_on_by_itself_needs_nothing_to_be_typed(
    runs: list[RunView], is_served: bool, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_next(standing(*runs), Attendance(is_served, ()), [])
    shown = capsys.readouterr().out
    assert line in shown
    assert bool(line) == bool(shown)


def test_what_failed_is_looked_at_and_then_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [replace(RUN, run_id=name, status=RunStatus.FAILED) for name in ("letters", "books")]
    print_next(standing(*runs), Attendance(False, ()), ["--repo", "a b"])
    assert [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()[2:]] == [
        "supervisor show letters --repo 'a b'",
        "supervisor logs letters --repo 'a b'",
        "supervisor --run-ids letters,books --repo 'a b'",
    ]


def test_of_many_runs_those_are_shown_that_somebody_should_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [replace(RUN, run_id=f"run-{number}", status=RunStatus.SUCCEEDED) for number in range(40)]
    runs += [replace(RUN, run_id="bad", status=RunStatus.FAILED, error="tesseract is gone"), RUNNING]
    print_standing(standing(*runs), RUNS, every_run=False)
    shown = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(shown) if line.startswith("run "))
    assert [line.split()[0] for line in shown[at + 1 : at + 4]] == ["letters", "bad", "run-0"]
    assert shown[at + 1].endswith("recognising, by desk-1")
    assert shown[at + 2].endswith("tesseract is gone")
    assert shown[-1] == "… and 12 more: --verbose lists all"
    print_standing(standing(*runs), RUNS, every_run=True)
    assert "run-39" in capsys.readouterr().out


def test_how_fast_it_goes_and_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    session = replace(
        SESSION,
        runs={RunStatus.RUNNING: 1},
        documents=DocumentCounts(total=4, opened=4, done=1),
        pages=PageCounts(found=1200, ocr=100, cache=20, failed=1),
        pages_per_second=2.5,
        remaining_seconds=43.7,
        started_at=AT - timedelta(minutes=3),
    )
    print_standing(standing(RUNNING, session=session), RUNS, every_run=False)
    shown = capsys.readouterr().out
    assert "pages      121 of 1,200 done: 100 recognised, 20 reused, 1 failed\n" in shown
    assert "rate       2.5 pages per second, about 44 s left\n" in shown
    assert " (3 min 00 s)\n" in shown
