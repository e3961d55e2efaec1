"""What `--json` says of sessions, runs, workers, events and what they add up to: the same in every document."""

from dataclasses import asdict
from datetime import datetime

from supervisor.board.counts import DocumentCounts, PageCounts, Summary
from supervisor.board.views import EventView, RunView, SessionView, SlotsView, WorkerView
from supervisor.model.states import RunStatus

Entry = dict[str, object]


def session_entry(session: SessionView) -> Entry:
    """Return a session; it names every state that runs can be in."""
    return {
        "id": session.id,
        "title": session.title,
        "intent": session.intent,
        "status": session.status,
        "created_at": _time(session.created_at),
        "started_at": _time(session.started_at),
        "finished_at": _time(session.finished_at),
        "runs": {status: session.runs.get(status, 0) for status in RunStatus},
        "paused_runs": session.paused_runs,
        "lanes": [asdict(lane) for lane in session.lanes],
        "documents": documents_entry(session.documents),
        "pages": pages_entry(session.pages),
        "progress": None if session.progress is None else asdict(session.progress),
        "pages_per_second": _rounded(session.pages_per_second),
        "remaining_seconds": _rounded(session.remaining_seconds, 0),
    }


def run_entry(run: RunView) -> Entry:
    """Return a run as it goes on."""
    return {
        "run_id": run.run_id,
        "session_id": run.session_id,
        "lane": run.lane,
        "status": run.status,
        "is_paused": run.is_paused,
        "is_cancelled": run.is_cancelled,
        "stage": run.stage,
        "priority": run.priority,
        "attempt": run.attempt,
        "worker": run.worker,
        "documents": documents_entry(run.documents),
        "pages": pages_entry(run.pages),
        "created_at": _time(run.created_at),
        "started_at": _time(run.started_at),
        "claimed_at": _time(run.claimed_at),
        "finished_at": _time(run.finished_at),
        "heartbeat_at": _time(run.heartbeat_at),
        "error": run.error,
    }


def worker_entry(worker: WorkerView) -> Entry:
    """Return a worker and what it does."""
    return {
        "id": worker.id,
        "supervisor": worker.supervisor_id,
        "host": worker.host,
        "pid": worker.pid,
        "status": worker.status,
        "started_at": _time(worker.started_at),
        "heartbeat_age_seconds": _rounded(worker.heartbeat_age_seconds),
        "run_id": worker.run_id,
        "session_id": worker.session_id,
        "stage": worker.stage,
        "documents": None if worker.documents is None else documents_entry(worker.documents),
        "pages": None if worker.pages is None else pages_entry(worker.pages),
    }


def event_entry(event: EventView) -> Entry:
    """Return something that happened."""
    return {
        "at": _time(event.at),
        "run_id": event.run_id,
        "session_id": event.session_id,
        "event": event.event,
        "actor": event.actor,
        "attempt": event.attempt,
        "reason": event.reason,
    }


def slots_entry(slots: SlotsView | None) -> Entry | None:
    """Return the OCR slots of this machine; None where there can be none."""
    return None if slots is None else asdict(slots)


def summary_entry(summary: Summary) -> Entry:
    """Return what everything adds up to."""
    workers = summary.workers
    return {
        "workers": {**asdict(workers), "total": workers.total, "utilisation": _rounded(workers.utilisation)},
        "sessions": asdict(summary.sessions),
        "documents": asdict(summary.documents),
        "pages": asdict(summary.pages),
    }


def documents_entry(documents: DocumentCounts) -> Entry:
    """Return counts of documents."""
    return asdict(documents)


def pages_entry(pages: PageCounts) -> Entry:
    """Return counts of pages, and how many are finished."""
    return {**asdict(pages), "done": pages.done}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _rounded(figure: float | None, digits: int = 3) -> float | None:
    return None if figure is None else round(figure, digits)
