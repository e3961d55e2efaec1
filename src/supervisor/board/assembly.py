"""Making views of what the store returns."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from supervisor.board.counts import (
    DocumentCounts,
    PageCounts,
    SessionTotals,
    Summary,
    WorkerTotals,
    WorkTotals,
)
from supervisor.board.estimate import pages_per_second
from supervisor.board.history import reason
from supervisor.board.views import EventView, LaneView, RunView, SessionProgress, SessionView, WorkerView
from supervisor.model.lease import WORKER_OFFLINE_SECONDS
from supervisor.model.states import ACTIVE, ENDED_SESSIONS, RunStatus, SessionStatus, WorkerStatus
from supervisor.store.events import Event
from supervisor.store.overview import RunGroup, SessionSums
from supervisor.store.present_workers import WatchedWorker
from supervisor.store.progress import ProgressCounts
from supervisor.store.sessions import SessionRow
from supervisor.store.watched_runs import RunningRun, WatchedRun


def document_counts(counts: ProgressCounts) -> DocumentCounts:
    """Return how far documents are."""
    return DocumentCounts(
        total=counts.documents,
        opened=counts.documents_opened,
        done=counts.documents_done,
        failed=counts.documents_failed,
    )


def page_counts(counts: ProgressCounts) -> PageCounts:
    """Return how far pages are."""
    return PageCounts(
        found=counts.pages,
        ocr=counts.pages_ocr,
        text_layer=counts.pages_text_layer,
        cache=counts.pages_cache,
        blank=counts.pages_blank,
        skipped=counts.pages_skipped,
        failed=counts.pages_failed,
    )


def run_view(run: WatchedRun) -> RunView:
    """Return how a run stands."""
    head, is_active = run.head, run.head.status in ACTIVE
    rests = head.pause_requested_at is not None or run.session is SessionStatus.PAUSED
    return RunView(
        row=head.id,
        run_id=head.run_id,
        session_id=head.session_id,
        lane=head.lane,
        status=head.status,
        is_paused=is_active and rests,
        is_cancelled=is_active and head.cancel_requested_at is not None,
        stage=run.stage,
        priority=head.priority,
        attempt=head.attempt,
        worker=head.claimed_by,
        documents=document_counts(run.counts),
        pages=page_counts(run.counts),
        created_at=head.created_at,
        started_at=head.started_at,
        claimed_at=head.claimed_at,
        finished_at=head.finished_at,
        heartbeat_at=head.heartbeat_at,
        error=head.error,
    )


def session_view(
    row: SessionRow,
    groups: Sequence[RunGroup],
    sums: SessionSums,
    running: Sequence[RunningRun],
    at: datetime,
) -> SessionView:
    """Return how a session stands, but for how long it goes on: that is not asked of its own runs alone.

    Args:
        row: Its own.
        groups: Its runs.
        sums: What these add up to.
        running: Those of them that execute.
        at: Now.
    """
    counts = Counter[RunStatus]()
    for group in groups:
        counts[group.status] += group.runs
    rests = row.status is SessionStatus.PAUSED
    told = None
    if row.progress_done is not None:
        told = SessionProgress(row.progress_done, row.progress_total, row.progress_note)
    return SessionView(
        id=row.id,
        title=row.title,
        intent=row.intent,
        status=row.status,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        runs=counts,
        paused_runs=sum(group.runs for group in groups if group.status in ACTIVE and (group.is_paused or rests)),
        lanes=_lanes(groups, running),
        documents=document_counts(sums.counts),
        pages=page_counts(sums.counts),
        progress=told,
        pages_per_second=pages_per_second(running, at),
    )


def worker_view(worker: WatchedWorker, at: datetime) -> WorkerView:
    """Return what a worker does, and whether it is there at all."""
    silent = at - worker.heartbeat_at
    is_there = worker.ended_at is None and silent <= timedelta(seconds=WORKER_OFFLINE_SECONDS)
    return WorkerView(
        id=worker.id,
        supervisor_id=worker.supervisor_id,
        host=worker.host,
        pid=worker.pid,
        status=WorkerStatus(worker.status) if is_there else WorkerStatus.OFFLINE,
        started_at=worker.started_at,
        heartbeat_age_seconds=max(0.0, silent.total_seconds()),
        run_id=worker.run_id,
        session_id=worker.session_id,
        stage=worker.stage,
        documents=None if worker.run_id is None else document_counts(worker.counts),
        pages=None if worker.run_id is None else page_counts(worker.counts),
    )


def event_view(event: Event, run_id: str, session_id: str) -> EventView:
    """Return what happened, in words."""
    return EventView(event.at, run_id, session_id, event.event, event.actor, event.attempt, reason(event) or None)


def summary(
    workers: Iterable[WorkerView],
    sessions: Mapping[SessionStatus, int],
    sums: Mapping[RunStatus, ProgressCounts],
) -> Summary:
    """Return what everything adds up to: workers, sessions and runs, of which each state has its sums."""
    statuses = [worker.status for worker in workers]
    everything = sum(sums.values(), ProgressCounts())
    unfinished = sum((counts for status, counts in sums.items() if status in ACTIVE), ProgressCounts())
    return Summary(
        workers=WorkerTotals(**{status.value: statuses.count(status) for status in WorkerStatus}),
        sessions=SessionTotals(
            active=sum(count for status, count in sessions.items() if status not in ENDED_SESSIONS),
            total=sum(sessions.values()),
        ),
        documents=WorkTotals(
            done=everything.documents_done,
            failed=everything.documents_failed,
            queued=unfinished.documents - unfinished.documents_done,
        ),
        pages=WorkTotals(
            done=everything.pages_done,
            failed=everything.pages_failed,
            queued=unfinished.pages - unfinished.pages_done,
        ),
    )


def _lanes(groups: Iterable[RunGroup], running: Iterable[RunningRun]) -> list[LaneView]:
    queued, ended = Counter[str | None](), Counter[str | None]()
    executing = defaultdict[str | None, list[str]](list)
    for group in groups:
        queued[group.lane] += group.runs if group.status is RunStatus.QUEUED else 0
        ended[group.lane] += group.runs if group.status not in ACTIVE else 0
    for run in running:
        executing[run.lane].append(run.run_id)
    names = sorted(queued, key=lambda name: (name is None, name))
    return [LaneView(name, executing[name], queued[name], ended[name]) for name in names]
