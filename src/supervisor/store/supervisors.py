"""Rows of `supervisors` and `workers`: who is there to execute runs, and when they were last heard of."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from supervisor.model.states import WorkerStatus
from supervisor.store.claims import Scope
from supervisor.store.tables import storable, supervisors, workers


@dataclass(frozen=True)
class SupervisorRow:
    """A supervisor process, described so that another process can tell whether it still lives.

    Attributes:
        runs_directory: Where its locks are.
        lease_seconds: How long it may be silent before its runs are another's to take.
    """

    id: str
    host: str
    machine_id: str | None
    boot_id: str | None
    pid: int
    pid_namespace: str | None
    process_started_at: float
    version: str
    desired_workers: int
    runs_directory: str
    lease_seconds: int


@dataclass(frozen=True)
class Heard:
    """A supervisor and when it was last heard of, by the database's clock."""

    supervisor: SupervisorRow
    heartbeat_at: datetime


def register(
    connection: Connection, supervisor: SupervisorRow, worker_ids: Sequence[str], scope: Scope, *, at: datetime
) -> None:
    """Add a supervisor and its idle workers."""
    connection.execute(sa.insert(supervisors).values(**vars(supervisor), heartbeat_at=at))
    add_workers(connection, supervisor.id, worker_ids, scope, at=at)


def add_workers(
    connection: Connection, supervisor_id: str, worker_ids: Sequence[str], scope: Scope, *, at: datetime
) -> None:
    """Add idle workers to a supervisor, but for those that an earlier try has added, whose answer was lost."""
    there = set(connection.scalars(sa.select(workers.c.id).where(workers.c.id.in_(worker_ids))))
    common = {
        "supervisor_id": supervisor_id,
        "session_id": scope.session_id,
        "repositories": list(scope.repositories or ()),
        "status": WorkerStatus.IDLE,
        "heartbeat_at": at,
        "started_at": at,
    }
    added = [{"id": worker_id, **common} for worker_id in worker_ids if worker_id not in there]
    if added:
        connection.execute(sa.insert(workers), added)


def end_workers(connection: Connection, worker_ids: Collection[str], *, at: datetime) -> set[str]:
    """Take those of these workers away that are idle, for good: no beat brings them back.

    Returns:
        Those that are gone. One that has claimed a run is not, though it may not know of that: if the answer was lost.
    """
    idle = workers.c.id.in_(worker_ids) & workers.c.current_run.is_(None)
    return set(connection.scalars(sa.update(workers).where(idle).values(_ended(at)).returning(workers.c.id)))


def scale(connection: Connection, supervisor_id: str, desired_workers: int) -> None:
    """Ask a supervisor to have so many workers; its loop adds them, or takes them away as they become idle."""
    connection.execute(
        sa.update(supervisors).where(supervisors.c.id == supervisor_id).values(desired_workers=desired_workers)
    )


def desired_workers(connection: Connection, supervisor_id: str) -> int:
    """Return how many workers a supervisor should have."""
    query = sa.select(supervisors.c.desired_workers).where(supervisors.c.id == supervisor_id)
    found: int = connection.execute(query).scalar_one()
    return found


def set_worker(connection: Connection, worker_id: str, status: WorkerStatus, *, run: int | None, at: datetime) -> None:
    """Note what a worker does now."""
    connection.execute(
        sa.update(workers).where(workers.c.id == worker_id).values(status=status, current_run=run, heartbeat_at=at)
    )


def look_into(connection: Connection, worker_id: str, session_id: str) -> None:
    """Let a worker be there for another session."""
    connection.execute(sa.update(workers).where(workers.c.id == worker_id).values(session_id=session_id))


def beat(connection: Connection, supervisor_id: str, *, at: datetime, worker_id: str | None = None) -> None:
    """Note that a supervisor and its workers are there, or one of these; those given up as offline are back."""
    connection.execute(sa.update(supervisors).where(supervisors.c.id == supervisor_id).values(heartbeat_at=at))
    beating = sa.true() if worker_id is None else workers.c.id == worker_id
    back = sa.case(
        (workers.c.status != WorkerStatus.OFFLINE, workers.c.status),
        (workers.c.current_run.is_(None), WorkerStatus.IDLE),
        else_=WorkerStatus.BUSY,
    )
    connection.execute(
        sa.update(workers)
        .where(workers.c.supervisor_id == supervisor_id, workers.c.ended_at.is_(None), beating)
        .values(heartbeat_at=at, status=back)
    )


def give_up_silent(connection: Connection, *, before: datetime) -> None:
    """Call those workers offline that were last heard of before a moment."""
    connection.execute(
        sa.update(workers)
        .where(workers.c.status != WorkerStatus.OFFLINE, workers.c.heartbeat_at < before)
        .values(status=WorkerStatus.OFFLINE)
    )


def sign_off(connection: Connection, supervisor_id: str, *, at: datetime) -> None:
    """Note that a supervisor has ended: its workers are offline."""
    connection.execute(sa.update(supervisors).where(supervisors.c.id == supervisor_id).values(ended_at=at))
    connection.execute(
        sa.update(workers)
        .where(workers.c.supervisor_id == supervisor_id, workers.c.ended_at.is_(None))
        .values(_ended(at))
    )


def of_workers(connection: Connection, worker_ids: Collection[str]) -> dict[str, Heard]:
    """Return by worker the supervisor that it belongs to, whether or not that has signed off."""
    query = _HEARD.add_columns(workers.c.id.label("worker_id")).join(
        workers, workers.c.supervisor_id == supervisors.c.id
    )
    rows = connection.execute(query.where(workers.c.id.in_(worker_ids))).mappings()
    return {row["worker_id"]: _heard(row) for row in rows}


def of_worker(connection: Connection, worker_id: str | None) -> Heard | None:
    """Return the supervisor that a worker belongs to, whether or not it has signed off."""
    return None if worker_id is None else of_workers(connection, [worker_id]).get(worker_id)


def present(connection: Connection, supervisor_id: str) -> Heard | None:
    """Return a supervisor that has not signed off; whether it lives is another question."""
    query = _HEARD.where(supervisors.c.id == supervisor_id, supervisors.c.ended_at.is_(None))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _heard(row)


def serving(connection: Connection, session_id: str | None, repository: str) -> list[Heard]:
    """Return those who are there for runs of a session (None: any) and repository, and have not signed off."""
    any_session = sa.true() if session_id is None else workers.c.session_id.is_(None)
    for_session = any_session | (workers.c.session_id == session_id)
    query = (
        sa.select(*_COLUMNS, workers.c.repositories)
        .join(workers, workers.c.supervisor_id == supervisors.c.id)
        .where(supervisors.c.ended_at.is_(None), workers.c.ended_at.is_(None), for_session)
    )
    rows = connection.execute(query).mappings().all()
    found = {row["id"]: _heard(row) for row in rows if repository in row["repositories"]}
    return list(found.values())


def everybody(connection: Connection) -> list[Heard]:
    """Return those who have not signed off."""
    return [_heard(row) for row in connection.execute(_HEARD.where(supervisors.c.ended_at.is_(None))).mappings()]


def beginning(connection: Connection, name: str) -> list[Heard]:
    """Return those whose ids begin so, whether or not they have signed off."""
    query = _HEARD.where(supervisors.c.id.startswith(storable(name), autoescape=True)).order_by(supervisors.c.id)
    return [_heard(row) for row in connection.execute(query).mappings()]


def _ended(at: datetime) -> dict[str, object]:
    return {"status": WorkerStatus.OFFLINE, "current_run": None, "heartbeat_at": at, "ended_at": at}


_COLUMNS = [supervisors.c[field.name] for field in fields(SupervisorRow)] + [supervisors.c.heartbeat_at]
_HEARD = sa.select(*_COLUMNS)


def _heard(row: RowMapping) -> Heard:
    return Heard(SupervisorRow(**{field.name: row[field.name] for field in fields(SupervisorRow)}), row["heartbeat_at"])
