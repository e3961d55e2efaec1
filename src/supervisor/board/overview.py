"""Reading everything that one look shows, as it is at one moment; terminal, web and `--json` show the same."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.engine import Engine

from supervisor.board.assembly import added_up, event_view, page_counts, run_view, session_view, summary, worker_view
from supervisor.board.estimate import pages_per_second
from supervisor.board.views import Overview, RunView, WorkerView
from supervisor.clock import Clock
from supervisor.model.states import SessionStatus, WorkerStatus
from supervisor.store import events, overview, present_workers
from supervisor.store.engine import snapshot
from supervisor.store.moments import database_now
from supervisor.store.overview import RunGroup, WatchedRun

GONE = timedelta(days=1)
"""Who was not heard of for so long is not expected back: a supervisor that was killed signs nobody off."""
_FIRST = [WorkerStatus.BUSY, WorkerStatus.ERROR, WorkerStatus.IDLE, WorkerStatus.OFFLINE]


def read_overview(
    engine: Engine,
    repository: str,
    *,
    clock: Clock,
    session_id: str | None = None,
    status: SessionStatus | None = None,
    lane: str | None = None,
    workers_status: WorkerStatus | None = None,
    sessions_limit: int | None = None,
    workers_limit: int | None = None,
    events_limit: int = 20,
) -> Overview:
    """Read how everything stands in a repository, with a fixed number of statements, and holding up nobody.

    Args:
        engine: Of the control database.
        repository: Sessions with runs of it and those without any, and the workers that serve it.
        clock: The time, where the database has none of its own.
        session_id: Only this session, and what happened in it.
        status: Only sessions in this state, and what happened in those that are shown.
        lane: Only sessions that have runs in this lane; nothing else of them is counted, and no other events.
        workers_status: Only workers in this state; for offline ones, those that have ended, too.
        sessions_limit: At most so many sessions; None for all.
        workers_limit: At most so many workers; None for all.
        events_limit: At most so many events.

    Raises:
        DatabaseError: The database cannot be read.
    """
    with snapshot(engine) as connection:
        at = database_now(connection, clock)
        rows = overview.watched_sessions(
            connection, repository, session_id=session_id, status=status, lane=lane, limit=sessions_limit
        )
        shown = [row.id for row in rows]
        groups = overview.groups_of_sessions(connection, repository, shown, lane)
        everywhere = overview.groups_of_repository(connection, repository)
        running = overview.running(connection, repository)
        counts = overview.session_counts(connection, repository)
        present = present_workers.present(connection, repository, since=at - GONE)
        ended = (
            present_workers.gone(connection, repository, since=at - GONE, limit=workers_limit)
            if workers_status is WorkerStatus.OFFLINE
            else []
        )
        some = None if session_id is None and status is None else shown
        happened = events.recent(connection, repository, some, lane, events_limit)
    by_session = defaultdict[str | None, list[RunGroup]](list)
    for group in groups:
        by_session[group.session_id].append(group)
    in_session = defaultdict[str, list[WatchedRun]](list)
    for run in running:
        if lane is None or run.head.lane == lane:
            in_session[run.head.session_id].append(run)
    there = [worker_view(worker, at) for worker in present]
    gone = [worker_view(worker, at) for worker in ended]
    return Overview(
        at=at,
        sessions=[session_view(row, by_session[row.id], in_session[row.id], everywhere, at) for row in rows],
        workers=[*_chosen(there, workers_status), *gone][:workers_limit],
        events=[event_view(*one) for one in happened],
        summary=summary(there, counts, everywhere),
        pages_per_second=pages_per_second(running, at),
        cache_share=page_counts(added_up(run.counts for run in running)).cache_share,
    )


def read_runs(engine: Engine, repository: str, session_id: str) -> list[RunView]:
    """Read how the runs of a session stand, oldest first.

    Raises:
        DatabaseError: The database cannot be read.
    """
    with snapshot(engine) as connection:
        return [run_view(run) for run in overview.runs_of_session(connection, repository, session_id)]


def _chosen(workers: Sequence[WorkerView], status: WorkerStatus | None) -> list[WorkerView]:
    """Return those that are in a state, the most interesting first."""
    chosen = [worker for worker in workers if status is None or worker.status is status]
    return sorted(chosen, key=lambda worker: (_FIRST.index(worker.status), *_numbered(worker.id)))


def _numbered(name: str) -> tuple[str, int]:
    """Return what to sort the names of workers by: the second of a supervisor comes before its tenth."""
    before, _, number = name.rpartition("-")
    return (before, int(number)) if number.isdecimal() else (name, 0)
