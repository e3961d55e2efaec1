"""Rows of `supervisors` and `workers`: who is there to execute runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.store.tables import supervisors, workers


@dataclass(frozen=True)
class SupervisorRow:
    """A supervisor process, described so that another process can tell whether it still lives."""

    id: str
    host: str
    machine_id: str | None
    boot_id: str | None
    pid: int
    pid_namespace: str | None
    process_started_at: float
    version: str
    desired_workers: int


def register(
    connection: Connection,
    supervisor: SupervisorRow,
    worker_ids: Sequence[str],
    *,
    session_id: str,
    repository: str,
    at: datetime,
) -> None:
    """Add a supervisor and its idle workers."""
    connection.execute(sa.insert(supervisors).values(**vars(supervisor), heartbeat_at=at))
    common = {
        "supervisor_id": supervisor.id,
        "session_id": session_id,
        "repositories": [repository],
        "status": "idle",
        "heartbeat_at": at,
        "started_at": at,
    }
    connection.execute(sa.insert(workers), [{"id": worker_id, **common} for worker_id in worker_ids])


def set_worker(connection: Connection, worker_id: str, status: str, *, run: int | None, at: datetime) -> None:
    """Note what a worker does now."""
    connection.execute(
        sa.update(workers).where(workers.c.id == worker_id).values(status=status, current_run=run, heartbeat_at=at)
    )


def sign_off(connection: Connection, supervisor_id: str, *, at: datetime) -> None:
    """Note that a supervisor has ended: its workers are offline."""
    connection.execute(
        sa.update(workers)
        .where(workers.c.supervisor_id == supervisor_id)
        .values(status="offline", current_run=None, heartbeat_at=at)
    )


def present(connection: Connection, supervisor_id: str) -> SupervisorRow | None:
    """Return a supervisor that has not signed off; whether it lives is another question."""
    query = (
        sa.select(supervisors)
        .distinct()
        .join(workers, workers.c.supervisor_id == supervisors.c.id)
        .where(supervisors.c.id == supervisor_id, workers.c.status != "offline")
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _row(row)


def _row(row: sa.RowMapping) -> SupervisorRow:
    return SupervisorRow(**{name: row[name] for name in SupervisorRow.__dataclass_fields__})
