import time
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from rich.text import Text

from supervisor.board.counts import DocumentCounts, PageCounts, WorkerTotals
from supervisor.board.views import Overview
from supervisor.dashboard.picture.picture import Frame, draw
from supervisor.dashboard.sight import Sight
from supervisor.model.states import RunStatus
from support.overviews import AT, a_night, run

NIGHT = Sight("archive", a_night(), pages_per_second=2.43)
FOOTER = Text("q leaves")


@pytest.fixture(autouse=True)
def _somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def drawn(sight: Sight, columns: int, lines: int | None = None, *, compact: bool = False) -> list[str]:
    frame = Frame(columns, lines, compact=compact, footer=FOOTER if lines else None)
    return [line.plain for line in draw(sight, frame)]


def test_on_an_ordinary_terminal() -> None:
    assert drawn(NIGHT, 80, 24) == [
        "archive                                                                 21:14:05",
        "",
        "pages/s  reused  workers         OCR slots  waiting  sessions    documents",
        "2.4      37%     2 of 4 busy     2 of 2     5        2 active    394 to do",
        "",
        "session                   state         runs  done            %  failed     left",
        "Night of 21 November      running        1/6  ━━─────────   21%       3   12 min",
        "  A     letters  2 queued  1 ended",
        "  B     books",
        "  free  -  1 queued",
        "For tomorrow's meeting    paused         0/1  ───────────    0%",
        "Night of 10 October       failed         6/6  ━━━━━━━━━━━  100%       7",
        "… 11 more sessions (1 failed)",
        "",
        "worker           state      beat  run                 does          done",
        "…711-05d57f8a-1  busy        3 s  letters             recognising   ━━──────────",
        "…711-05d57f8a-2  busy       21 s  books               recognising   ━━──────────",
        "…711-05d57f8a-3  idle        3 s",
        "…711-05d57f8a-4  idle        3 s",
        "",
        "at        run            event          why",
        "21:14:05  books          claimed        next in the queue (attempt 1, lease ter…",
        "21:13:56  letters        failed         1 of 4 documents failed: letters/crane.…",
        "q leaves",
    ]


def test_compact_in_a_corner() -> None:
    assert drawn(NIGHT, 60, 10, compact=True) == [
        "archive                                             21:14:05",
        "pages/s 2.4     workers 2 of 4 busy    OCR slots 2 of 2",
        "session             state      done       %  failed     left",
        "Night of 21 Novem…  running    ━─────   21%       3   12 min",
        "For tomorrow's me…  paused     ──────    0%",
        "… 12 more sessions (2 failed)",
        "worker         state      beat  run             does",
        "…1-05d57f8a-1  busy        3 s  letters         recognising",
        "… 3 more workers",
        "q leaves",
    ]


@pytest.mark.parametrize("compact", [False, True])
def test_a_picture_has_as_many_lines_as_the_terminal(compact: bool) -> None:
    for lines in range(1, 60, 2):
        found = drawn(NIGHT, 80, lines, compact=compact)
        assert len(found) == lines
        assert found[-1] == "q leaves"


def test_no_line_is_cut_off_by_a_terminal_of_at_least_sixty_columns() -> None:
    long = run(
        "a-run-with-a-long-name-" * 3, RunStatus.RUNNING, pages=PageCounts(found=1_234_567, ocr=999_999), lane="A"
    )
    sight = replace(NIGHT, runs=[replace(long, claimed_at=AT - timedelta(days=4))])
    for columns in range(60, 200):
        assert max(line.cell_len for line in draw(sight, Frame(columns, 30))) <= columns


def test_nothing_moves_when_figures_change() -> None:
    overview = a_night()
    first = replace(overview.sessions[0], remaining_seconds=7, pages=PageCounts(found=9_999, ocr=8_000))
    totals = replace(overview.summary, workers=replace(overview.summary.workers, idle=12))
    later = replace(overview, sessions=[first, *overview.sessions[1:]], summary=totals, cache_share=1.0)
    for columns in (60, 80, 160):
        before, after = (
            drawn(NIGHT, columns, 24),
            drawn(replace(NIGHT, overview=later, pages_per_second=123), columns, 24),
        )
        headings = [line for line in before if line.startswith(("pages/s", "session", "worker", "at"))]
        assert [line for line in after if line in headings] == headings
        assert [line.find("running") for line in before] == [line.find("running") for line in after]


def test_what_has_not_ended_and_what_failed_is_shown_before_the_rest() -> None:
    sight = replace(NIGHT, overview=a_night(sessions=200, workers=64))
    for lines in (18, 24, 50):
        titles = [line.split("  ")[0] for line in drawn(sight, 80, lines) if line.startswith(("Night", "For"))]
        assert titles[:2] == ["Night of 21 November", "For tomorrow's meeting"]
        assert all("of 200" in one or int(one.split()[2]) % 5 == 0 for one in titles[2:])
        assert any("more sessions (" in line and line.endswith(" failed)") for line in drawn(sight, 80, lines))


def test_what_there_is_no_room_for_is_counted() -> None:
    sight = replace(NIGHT, overview=replace(a_night(sessions=200, workers=64), sessions=a_night().sessions))
    for lines in (15, 24, 60):
        found = drawn(sight, 80, lines)
        shown = sum(line.startswith(("Night", "For")) for line in found)
        rest = next(line for line in found if "more session" in line)
        assert int(rest.split()[1]) + shown == 200
        workers = sum("05d57f8a-" in line for line in found)
        rest = [line for line in found if "more worker" in line]
        assert not rest or int(rest[0].split()[1]) + workers == 64


def test_all_is_in_a_snapshot() -> None:
    found = drawn(NIGHT, 80)
    assert found[0].endswith("2026-11-21 21:14:05")
    assert sum(line.startswith(("Night", "For")) for line in found) == 14
    assert not any("more" in line for line in found)


def test_a_session_is_shown_with_its_runs() -> None:
    runs = [
        run("letters", RunStatus.RUNNING),
        run("books", RunStatus.FAILED, finished_at=AT),
        run("reports", RunStatus.QUEUED, is_paused=True, documents=DocumentCounts(3), pages=PageCounts()),
        *(run(f"old-{number}", RunStatus.SUCCEEDED, finished_at=AT) for number in range(30)),
    ]
    only = replace(a_night(), sessions=a_night().sessions[:1])
    found = drawn(replace(NIGHT, overview=only, scope="session Night of 21 November", runs=runs), 80, 24)
    assert found[0].startswith("archive  session Night of 21 November")
    # Figures are those of the session.
    assert found[3] == "2.4      20%     2 of 4 busy     2 of 2     5        1 active    390 to do"
    at = found.index("run           state         documents  done              pages  failed      time")
    assert found[at + 1 : at + 4] == [
        "letters       recognising       12/40  ━───────        40/120+       1      1:15",
        "books         failed            12/40  ━───────         40/120       1      1:15",
        "reports       paused              0/3  ────────",
    ]
    assert any("more runs" in line for line in found)


def test_an_empty_repository_tells_what_to_type() -> None:
    found = drawn(Sight("archive", Overview(at=AT)), 80)
    assert "none yet; to queue: supervisor start TITLE --run-ids A,B" in found
    assert "nobody executes runs; to start somebody: supervisor work" in found
    assert "supervisor start" not in "".join(drawn(Sight("archive", Overview(at=AT), scope="lane X"), 80))


def test_workers_that_are_gone_are_counted() -> None:
    night = a_night()
    gone = replace(night, summary=replace(night.summary, workers=WorkerTotals(offline=64)))
    found = drawn(replace(NIGHT, overview=gone), 80)
    assert "64 offline" in found[3]
    assert "… 60 more workers" in found


def test_a_title_cannot_steer_the_terminal() -> None:
    night = a_night()
    evil = replace(night.sessions[0], title="red \x1b[31m\n[bold]")
    found = drawn(replace(NIGHT, overview=replace(night, sessions=[evil])), 80)
    assert any(line.startswith("red \\x1b[31m\\n[bold]") for line in found)


def test_of_two_hundred_sessions_only_those_are_drawn_that_are_shown() -> None:
    sight = replace(NIGHT, overview=a_night(sessions=200, workers=64))
    times = [time.process_time()]
    for _ in range(5):
        drawn(sight, 160, 50)
        times.append(time.process_time())
    assert min(after - before for before, after in pairwise(times)) < 0.02
