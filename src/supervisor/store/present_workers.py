"""Workers and what they do, for those who watch."""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from supervisor.model.states import RunStatus
from supervisor.store.engine import is_postgres
from supervisor.store.progress import PROGRESS_COLUMNS, STAGE, ProgressCounts
from supervisor.store.tables import run_progress, runs, supervisors, workers


class WatchedWorker(NamedTuple):
    """A worker; from `run_id` on what it does: None, and no counts, while it executes nothing."""

    id: str
    supervisor_id: str
    host: str
    pid: int
    status: str
    heartbeat_at: datetime
    started_at: datetime
    ended_at: datetime | None
    run_id: str | None
    session_id: str | None
    stage: str | None
    counts: ProgressCounts


# In the order of the fields above.
_WORKER = [
    workers.c.id,
    workers.c.supervisor_id,
    supervisors.c.host,
    supervisors.c.pid,
    workers.c.status,
    workers.c.heartbeat_at,
    workers.c.started_at,
    workers.c.ended_at,
]
_WORK = [runs.c.run_id, runs.c.session_id, STAGE]
_COUNTS = [sa.func.coalesce(column, 0) for column in PROGRESS_COLUMNS]
_EXECUTES = (
    (runs.c.id == workers.c.current_run) & (runs.c.claimed_by == workers.c.id) & (runs.c.status == RunStatus.RUNNING)
)
_WORKERS = sa.select(*_WORKER, *_WORK, *_COUNTS).select_from(
    workers.join(supervisors).outerjoin(runs, _EXECUTES).outerjoin(run_progress)
)


def present(connection: Connection, repository: str, *, since: datetime) -> list[WatchedWorker]:
    """Return the workers for a repository that have not ended, and were heard of since a moment, by name."""
    there = workers.c.ended_at.is_(None) & (workers.c.heartbeat_at >= since)
    return _workers(connection, _workers_for(connection, repository).where(there).order_by(workers.c.id))


def gone(connection: Connection, repository: str, *, since: datetime, limit: int | None) -> list[WatchedWorker]:
    """Return the other workers for a repository, those first that were heard of last."""
    gone = workers.c.ended_at.is_not(None) | (workers.c.heartbeat_at < since)
    query = _workers_for(connection, repository).where(gone).order_by(workers.c.heartbeat_at.desc(), workers.c.id)
    return _workers(connection, query.limit(limit))


def _workers_for(connection: Connection, repository: str) -> sa.Select[Any]:
    if is_postgres(connection):
        serves = workers.c.repositories.cast(JSONB).contains([repository])
    else:
        named = sa.func.json_each(workers.c.repositories).table_valued("value")
        serves = sa.exists().where(named.c.value == repository)
    return _WORKERS.where(serves)


def _workers(connection: Connection, query: sa.Select[Any]) -> list[WatchedWorker]:
    facts = len(_WORKER) + len(_WORK)
    return [
        WatchedWorker._make([*row[:facts], ProgressCounts(*row[facts:])]) for row in connection.execute(query).all()
    ]
