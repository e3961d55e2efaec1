"""Rows of `workers` as people and programs see them: with the process that each belongs to, and the run it is at."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.lease import WORKER_OFFLINE_SECONDS
from supervisor.model.states import WorkerStatus
from supervisor.store.tables import runs, storable, supervisors, workers


@dataclass(frozen=True)
class WorkerRow:
    """A worker.

    Attributes:
        supervisor_id: The process that it belongs to, which `host` and `pid` lead to.
        session_id: The only session whose runs it takes; None for any.
        repositories: Whose runs it takes.
        status: Offline, too, if it has been silent for long.
        run_id: What it is at; None if it is at nothing.
        lease_term: Under which it has claimed that.
        ended_at: When it was taken away; None while it is there.
    """

    id: str
    supervisor_id: str
    host: str
    pid: int
    session_id: str | None
    repositories: Sequence[str]
    status: WorkerStatus
    run_id: str | None
    lease_term: int | None
    heartbeat_at: datetime
    started_at: datetime
    ended_at: datetime | None


_ELSEWHERE = {"host": supervisors, "pid": supervisors, "run_id": runs, "lease_term": runs}
_QUERY = (
    sa.select(*(_ELSEWHERE.get(field.name, workers).c[field.name] for field in fields(WorkerRow)))
    .join(supervisors, supervisors.c.id == workers.c.supervisor_id)
    .outerjoin(runs, runs.c.id == workers.c.current_run)
)


def find(connection: Connection, worker_id: str, *, at: datetime) -> WorkerRow | None:
    """Return a worker as it stands at this moment, by the database's clock."""
    row = connection.execute(_QUERY.where(workers.c.id == storable(worker_id))).mappings().one_or_none()
    return None if row is None else _seen(row, at)


def present(connection: Connection, repository: str, *, at: datetime) -> list[WorkerRow]:
    """Return the workers of a repository that were not taken away, in the order in which they came."""
    rows = connection.execute(_QUERY.where(workers.c.ended_at.is_(None)).order_by(workers.c.started_at, workers.c.id))
    found = [_seen(row, at) for row in rows.mappings()]
    return [worker for worker in found if repository in worker.repositories]


def _seen(row: sa.RowMapping, at: datetime) -> WorkerRow:
    is_silent = row["heartbeat_at"] < at - timedelta(seconds=WORKER_OFFLINE_SECONDS)
    return WorkerRow(**{**row, "status": WorkerStatus.OFFLINE if is_silent else WorkerStatus(row["status"])})
