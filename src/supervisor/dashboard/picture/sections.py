"""What a picture is made of: sessions with their lanes, runs, workers, events."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from rich.text import Text

from supervisor.board.views import EventView, LaneView, RunView, SessionView, WorkerView
from supervisor.dashboard.drawing import RUN_STYLES, SESSION_STYLES, WORKER_STYLES, about, clock_time
from supervisor.dashboard.picture.columns import Cell, Column, Grid
from supervisor.dashboard.picture.measures import Measure, pages_measure, session_measure, shown_pages
from supervisor.dashboard.picture.section import Row, Section
from supervisor.model.paths import printable
from supervisor.model.states import ACTIVE, ENDED_SESSIONS, RunStatus, SessionStatus, WorkerStatus

_SESSION_COLUMNS = (
    Column("session", 18, grows=3, widest=44),
    Column("state", 9),
    Column("runs", 7, is_right=True, from_columns=76),
    Column("done", 6, grows=2, widest=50),
    Column("%", 4, is_right=True),
    Column("pages", 14, is_right=True, from_columns=90),
    Column("failed", 6, is_right=True),
    Column("left", 7, is_right=True),
)
_RUN_COLUMNS = (
    Column("run", 12, grows=2, widest=40),
    Column("state", 12),
    Column("lane", 6, from_columns=100),
    Column("documents", 9, is_right=True, from_columns=80),
    Column("done", 8, grows=1, widest=40),
    Column("pages", 13, is_right=True),
    Column("failed", 6, is_right=True),
    Column("time", 8, is_right=True, from_columns=70),
)
_WORKER_COLUMNS = (
    Column("worker", 12, grows=1, widest=30),
    Column("state", 7),
    Column("beat", 6, is_right=True),
    Column("run", 10, grows=2, widest=40),
    Column("does", 12),
    Column("done", 8, grows=1, widest=40, from_columns=70),
    Column("pages", 13, is_right=True, from_columns=90),
)
_EVENT_COLUMNS = (
    Column("at", 8),
    Column("run", 10, grows=1, widest=30),
    Column("event", 10, grows=1, widest=16),
    Column("why", 10, grows=8),
)
_EVENT_STYLES = {
    "failed": "bold red",
    "succeeded": "green",
    "cancelled": "yellow",
    "retrying": "yellow",
    "rescued": "yellow",
}
# A beat comes every 10 seconds: one was missed.
_LATE_SECONDS = 15
_DIGITS = re.compile(r"(\d+)")


def sessions_section(
    sessions: Sequence[SessionView],
    screen_columns: int,
    *,
    nothing: str,
    elsewhere: int,
    is_cut: bool,
    with_lanes: bool,
) -> Section:
    """Show sessions: those that have not ended, then their lanes, then the others, as far as there is room."""
    grid = Grid(_SESSION_COLUMNS, screen_columns)
    rows = []
    for session in sessions:
        is_failure, has_ended = session.status is SessionStatus.FAILED, session.status in ENDED_SESSIONS
        rank = 0 if not has_ended else 2 if is_failure else 3
        rows.append(Row(partial(_session, grid, session), rank, is_failure=is_failure))
        details = _details(session) if with_lanes and not has_ended else []
        if details:
            rows.append(Row(details.copy, 1, height=len(details), is_detail=True))
    return Section(grid.heading(), "session", rows, nothing, weight=3, elsewhere=elsewhere, is_cut=is_cut)


def runs_section(runs: Sequence[RunView], screen_columns: int, at: datetime) -> Section:
    """Show the runs of a session: where there is no room for all, those that execute, have failed, or wait."""
    grid = Grid(_RUN_COLUMNS, screen_columns)
    ranks = {RunStatus.RUNNING: 0, RunStatus.FAILED: 1, RunStatus.QUEUED: 2}
    rows = [
        Row(partial(_run, grid, run, at), ranks.get(run.status, 3), is_failure=run.status is RunStatus.FAILED)
        for run in runs
    ]
    return Section(grid.heading(), "run", rows, "none yet", weight=4)


def workers_section(workers: Sequence[WorkerView], screen_columns: int, *, elsewhere: int) -> Section:
    """Show workers in the order of their names, lest they jump; those that do nothing are left out first."""
    grid = Grid(_WORKER_COLUMNS, screen_columns)
    ranks = {WorkerStatus.ERROR: 0, WorkerStatus.BUSY: 1, WorkerStatus.OFFLINE: 2, WorkerStatus.IDLE: 3}
    rows = [
        Row(partial(_worker, grid, worker), ranks[worker.status], is_failure=worker.status is WorkerStatus.ERROR)
        for worker in sorted(workers, key=lambda worker: _natural(worker.id))
    ]
    nothing = "nobody executes runs; to start somebody: supervisor work"
    return Section(grid.heading(), "worker", rows, nothing, weight=2, elsewhere=elsewhere)


def events_section(events: Sequence[EventView], screen_columns: int) -> Section:
    """Show what happened, the newest first."""
    grid = Grid(_EVENT_COLUMNS, screen_columns)
    rows = [Row(partial(_event, grid, event), number) for number, event in enumerate(events)]
    return Section(grid.heading(), "event", rows, "nothing has happened yet", counts_the_rest=False)


def _session(grid: Grid, session: SessionView) -> list[Text]:
    unfinished = sum(session.runs.get(status, 0) for status in ACTIVE)
    rests = session.status is SessionStatus.RUNNING and 0 < unfinished == session.paused_runs
    status = SessionStatus.PAUSED if rests else session.status
    style, has_ended = SESSION_STYLES[status], status in ENDED_SESSIONS
    runs, measure = sum(session.runs.values()), session_measure(session)
    left = session.remaining_seconds
    return [
        grid.line(
            {
                "session": Cell(printable(session.title), "" if not has_ended else "dim"),
                "state": Cell(status, style),
                "runs": Cell(f"{runs - unfinished}/{runs}" if runs else ""),
                "done": measure.bar(grid.widths["done"], style),
                "%": Cell(measure.percent),
                "pages": Cell(shown_pages(session.pages, session.documents, may_grow=not has_ended)),
                "failed": _failed(session.documents.failed),
                "left": Cell("" if left is None or has_ended else about(left)),
            }
        )
    ]


def _details(session: SessionView) -> list[Text]:
    """Return the lanes of a session, a line each, and what is said of its progress."""
    named = [lane for lane in session.lanes if lane.name is not None]
    columns = max((len(lane.name or "free") for lane in session.lanes), default=0)
    lines = [_lane(lane, columns) for lane in session.lanes] if named else []
    if session.progress is not None and session.progress.note:
        lines.append(Text(f"  {printable(session.progress.note)}", style="dim", no_wrap=True))
    return lines


def _lane(lane: LaneView, columns: int) -> Text:
    line = Text(f"  {lane.name or 'free':<{columns}}  ", no_wrap=True)
    line.append(", ".join(lane.running) if lane.running else "-", "cyan" if lane.running else "dim")
    rest = [f"{number:,} {word}" for number, word in ((lane.queued, "queued"), (lane.ended, "ended")) if number]
    return line.append("".join(f"  {words}" for words in rest), "dim")


def _run(grid: Grid, run: RunView, at: datetime) -> list[Text]:
    style = "yellow" if run.is_paused else RUN_STYLES[run.status]
    begun, ended = run.claimed_at, run.finished_at or at
    measure = Measure(1, 1) if run.status is RunStatus.SUCCEEDED else pages_measure(run.pages, run.documents)
    may_grow = run.status is RunStatus.RUNNING
    return [
        grid.line(
            {
                "run": Cell(run.run_id),
                "state": Cell("paused" if run.is_paused and run.status is RunStatus.QUEUED else run.stage, style),
                "lane": Cell(run.lane or "", "dim"),
                "documents": Cell(f"{run.documents.done}/{run.documents.total}"),
                "done": measure.bar(grid.widths["done"], style),
                "pages": Cell(shown_pages(run.pages, run.documents, may_grow=may_grow)),
                "failed": _failed(run.documents.failed),
                "time": Cell(clock_time((ended - begun).total_seconds()) if begun and run.status in _TIMED else ""),
            }
        )
    ]


_TIMED = frozenset(RunStatus) - {RunStatus.QUEUED}


def _worker(grid: Grid, worker: WorkerView) -> list[Text]:
    style = WORKER_STYLES[worker.status]
    age = worker.heartbeat_age_seconds
    cells: dict[str, Cell | Text] = {
        "worker": Cell(worker.id, keeps_end=True),
        "state": Cell(worker.status, style),
        "beat": Cell(f"{age:.0f} s" if age < 1000 else f"{age / 60:.0f} m", "yellow" if age > _LATE_SECONDS else "dim"),
        "run": Cell(worker.run_id or ""),
        "does": Cell(worker.stage or "", style),
    }
    if worker.documents is not None and worker.pages is not None:
        cells["done"] = pages_measure(worker.pages, worker.documents).bar(grid.widths.get("done", 0), style)
        cells["pages"] = Cell(shown_pages(worker.pages, worker.documents, may_grow=True))
    return [grid.line(cells)]


def _event(grid: Grid, event: EventView) -> list[Text]:
    return [
        grid.line(
            {
                "at": Cell(f"{event.at.astimezone():%H:%M:%S}", "dim"),
                "run": Cell(event.run_id),
                "event": Cell(event.event.replace("_", " "), _EVENT_STYLES.get(event.event, "")),
                "why": Cell(printable(event.reason or event.actor), "dim"),
            }
        )
    ]


def _failed(number: int) -> Cell:
    return Cell(f"{number:,}" if number else "", "red")


def _natural(name: str) -> list[str]:
    """Return what sorts `desk-10` behind `desk-9`."""
    return [part.zfill(20) if part.isdigit() else part for part in _DIGITS.split(name)]
