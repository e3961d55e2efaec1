"""Reading everything that one look shows, as it is at one moment; terminal, web and `--json` show the same."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.engine import Engine

from supervisor.board.assembly import event_view, page_counts, run_view, session_view, summary, worker_view
from supervisor.board.estimate import pages_per_second, remaining_seconds
from supervisor.board.views import Overview, RunView, SessionView, WorkerView
from supervisor.clock import Clock
from supervisor.model.states import SessionStatus, WorkerStatus
from supervisor.store import events, overview, present_workers, watched_runs
from supervisor.store.engine import snapshot
from supervisor.store.moments import database_now
from supervisor.store.overview import SessionSums, Which
from supervisor.store.progress import ProgressCounts
from supervisor.store.sessions import SessionRow
from supervisor.store.watched_runs import RunningRun

GONE = timedelta(days=1)
"""Who was not heard of for so long is not expected back: a supervisor that was killed signs nobody off."""
_NOTHING = SessionSums(ProgressCounts(), pages_left=0, documents_unknown=0)
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
        which = Which(repository, None if session_id is None else [session_id], lane)
        rows = overview.listed(connection, which, status=status, limit=sessions_limit)
        shown = [row.id for row in rows]
        if status is not None or sessions_limit is not None:
            which = replace(which, session_ids=shown)
        groups = overview.run_groups(connection, which)
        sums = overview.session_sums(connection, which)
        paces = overview.paces(connection, which)
        everywhere = overview.status_sums(connection, repository)
        running = watched_runs.running(connection, repository)
        counts = overview.session_counts(connection, repository)
        present = present_workers.present(connection, repository, since=at - GONE)
        gone = (
            present_workers.gone(connection, repository, since=at - GONE, limit=workers_limit)
            if workers_status is WorkerStatus.OFFLINE
            else []
        )
        told = shown if session_id is not None or status is not None else None
        happened = events.recent(connection, repository, told, lane, events_limit)
    in_session = defaultdict[str, list[RunningRun]](list)
    for run in running:
        if lane is None or run.lane == lane:
            in_session[run.session_id].append(run)

    def view(row: SessionRow) -> SessionView:
        its, mine = sums.get(row.id, _NOTHING), in_session[row.id]
        seen = session_view(row, groups.get(row.id, ()), its, mine, at)
        if row.status is not SessionStatus.RUNNING:
            return seen
        seconds = remaining_seconds(its, mine, paces.get(row.id), everywhere.values(), at)
        return replace(seen, remaining_seconds=seconds)

    there = [worker_view(worker, at) for worker in present]
    return Overview(
        at=at,
        sessions=[view(row) for row in rows],
        workers=[*_chosen(there, workers_status), *(worker_view(worker, at) for worker in gone)][:workers_limit],
        events=[event_view(*one) for one in happened],
        summary=summary(there, counts, everywhere),
        pages_per_second=pages_per_second(running, at),
        cache_share=page_counts(sum((run.counts for run in running), ProgressCounts())).cache_share,
    )


def read_runs(engine: Engine, repository: str, session_id: str) -> list[RunView]:
    """Read how the runs of a session stand, oldest first.

    Raises:
        DatabaseError: The database cannot be read.
    """
    with snapshot(engine) as connection:
        return [run_view(run) for run in watched_runs.of_session(connection, repository, session_id)]


def _chosen(workers: Sequence[WorkerView], status: WorkerStatus | None) -> list[WorkerView]:
    """Return those that are in a state, the most interesting first."""
    chosen = [worker for worker in workers if status is None or worker.status is status]
    return sorted(chosen, key=lambda worker: (_FIRST.index(worker.status), *_numbered(worker.id)))


def _numbered(name: str) -> tuple[str, int]:
    """Return what to sort the names of workers by: the second of a supervisor comes before its tenth."""
    before, _, number = name.rpartition("-")
    return (before, int(number)) if number.isdecimal() else (name, 0)
