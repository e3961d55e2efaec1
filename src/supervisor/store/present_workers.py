"""Workers and what they do, for those who watch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from supervisor.model.states import RunStatus, WorkerStatus
from supervisor.store.engine import is_postgres
from supervisor.store.progress import PROGRESS_COLUMNS, ProgressCounts, progress_counts
from supervisor.store.tables import run_progress, runs, supervisors, workers


@dataclass(frozen=True)
class WatchedWorker:
    """A worker; from `run_id` on what it does: None, and no counts, while it executes nothing."""

    id: str
    supervisor_id: str
    host: str
    pid: int
    status: WorkerStatus
    heartbeat_at: datetime
    started_at: datetime
    ended_at: datetime | None
    run_id: str | None
    session_id: str | None
    stage: str | None
    counts: ProgressCounts


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
    executes = (
        (runs.c.id == workers.c.current_run)
        & (runs.c.claimed_by == workers.c.id)
        & (runs.c.status == RunStatus.RUNNING)
        & workers.c.ended_at.is_(None)
    )
    what_it_does = workers.join(supervisors).outerjoin(runs, executes).outerjoin(run_progress)
    if is_postgres(connection):
        serves = workers.c.repositories.cast(JSONB).contains([repository])
    else:
        named = sa.func.json_each(workers.c.repositories).table_valued("value")
        serves = sa.exists().where(named.c.value == repository)
    return (
        sa.select(
            workers.c.id,
            workers.c.supervisor_id,
            supervisors.c.host,
            supervisors.c.pid,
            workers.c.status,
            workers.c.heartbeat_at,
            workers.c.started_at,
            workers.c.ended_at,
            runs.c.run_id,
            runs.c.session_id,
            sa.func.coalesce(run_progress.c.stage, runs.c.status).label("stage"),
            *PROGRESS_COLUMNS,
        )
        .select_from(what_it_does)
        .where(serves)
    )


def _workers(connection: Connection, query: sa.Select[Any]) -> list[WatchedWorker]:
    return [_worker(row) for row in connection.execute(query).mappings()]


def _worker(row: Mapping[Any, Any]) -> WatchedWorker:
    counts = {column.name for column in PROGRESS_COLUMNS}
    facts = {name: value for name, value in row.items() if name not in counts}
    return WatchedWorker(**{**facts, "status": WorkerStatus(row["status"])}, counts=progress_counts(row))
