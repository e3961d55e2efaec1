"""What a look at a repository could have seen, made by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from supervisor.board.counts import DocumentCounts, PageCounts, SessionTotals, Summary, WorkerTotals, WorkTotals
from supervisor.board.views import EventView, LaneView, Overview, RunView, SessionView, SlotsView, WorkerView
from supervisor.model.states import RunStatus, SessionStatus, WorkerStatus

AT = datetime(2026, 11, 21, 21, 14, 5, tzinfo=UTC)
_RUN = RunView(
    row=1,
    run_id="letters",
    session_id="5e550001",
    lane=None,
    status=RunStatus.RUNNING,
    is_paused=False,
    is_cancelled=False,
    stage="recognising",
    priority=100,
    attempt=1,
    worker="desk-4711-05d57f8a-1",
    documents=DocumentCounts(total=40, opened=20, done=12, failed=1),
    pages=PageCounts(found=120, ocr=40),
    created_at=AT,
    started_at=AT,
    claimed_at=AT - timedelta(seconds=75),
    finished_at=None,
    heartbeat_at=AT,
    error=None,
)


def session(
    number: int,
    title: str,
    status: SessionStatus,
    runs: Mapping[RunStatus, int],
    *,
    documents: DocumentCounts | None = None,
    pages: PageCounts | None = None,
    lanes: Sequence[LaneView] = (),
    remaining_seconds: float | None = None,
) -> SessionView:
    return SessionView(
        id=f"5e55{number:04}",
        title=title,
        intent=None,
        status=status,
        created_at=AT,
        started_at=AT,
        finished_at=None,
        runs=runs,
        documents=documents or DocumentCounts(),
        pages=pages or PageCounts(),
        lanes=lanes,
        remaining_seconds=remaining_seconds,
    )


def worker(number: int, status: WorkerStatus, run_id: str | None = None, *, age_seconds: float = 3) -> WorkerView:
    idle = WorkerView(f"desk-4711-05d57f8a-{number}", "desk-4711", "desk", 4711, status, AT, age_seconds)
    if run_id is None:
        return idle
    return replace(
        idle, run_id=run_id, session_id="5e550001", stage="recognising", documents=_RUN.documents, pages=_RUN.pages
    )


def run(run_id: str, status: RunStatus, **others: object) -> RunView:
    stage = "recognising" if status is RunStatus.RUNNING else status
    return replace(_RUN, **{"run_id": run_id, "status": status, "stage": stage, **others})


def events(number: int) -> list[EventView]:
    told = [
        ("books", "claimed", "next in the queue (attempt 1, lease term 1)"),
        ("letters", "failed", "1 of 4 documents failed: letters/crane.jpg"),
        ("reports", "succeeded", "3 documents, 6 pages: 6 recognised"),
    ]
    found = []
    for count in range(number):
        run_id, event, reason = told[count % len(told)]
        at = AT - timedelta(seconds=9 * count)
        found.append(EventView(at, run_id, "5e550001", event, "desk-4711", 1, reason))
    return found


def a_night(*, sessions: int = 14, workers: int = 4) -> Overview:
    """Two sessions that have not ended, and others that have, every fifth of them with a failure."""
    unfinished = [
        session(
            1,
            "Night of 21 November",
            SessionStatus.RUNNING,
            {RunStatus.RUNNING: 2, RunStatus.QUEUED: 3, RunStatus.SUCCEEDED: 1},
            documents=DocumentCounts(total=600, opened=300, done=210, failed=3),
            pages=PageCounts(found=1204, ocr=412, cache=100),
            lanes=[LaneView("A", ["letters"], 2, 1), LaneView("B", ["books"], 0, 0), LaneView(None, [], 1, 0)],
            remaining_seconds=750,
        ),
        session(
            2,
            "For tomorrow's meeting",
            SessionStatus.PAUSED,
            {RunStatus.QUEUED: 1},
            documents=DocumentCounts(total=4),
        ),
    ]
    ended = [
        session(
            number,
            f"Night of {number} October",
            SessionStatus.COMPLETED if number % 5 else SessionStatus.FAILED,
            {RunStatus.SUCCEEDED: 6} if number % 5 else {RunStatus.SUCCEEDED: 5, RunStatus.FAILED: 1},
            documents=DocumentCounts(total=400, opened=400, done=400, failed=0 if number % 5 else 7),
            pages=PageCounts(found=1000, ocr=900, cache=100),
        )
        for number in range(sessions, 2, -1)
    ]
    busy = [worker(1, WorkerStatus.BUSY, "letters"), worker(2, WorkerStatus.BUSY, "books", age_seconds=21)]
    idle = [worker(number, WorkerStatus.IDLE) for number in range(3, workers + 1)]
    return Overview(
        at=AT,
        sessions=[*unfinished, *ended],
        workers=[*busy, *idle],
        events=events(20),
        summary=Summary(
            WorkerTotals(idle=workers - 2, busy=2),
            SessionTotals(active=2, total=sessions),
            WorkTotals(done=5210, failed=12, queued=394),
            WorkTotals(done=12512, failed=3, queued=692),
        ),
        pages_per_second=2.4,
        cache_share=0.372,
        slots=SlotsView(count=2, taken=2, waiting=5),
    )
