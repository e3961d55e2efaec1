"""Claiming: a queued run becomes the running one of a worker, exactly once, and never two of a lane at a time.

On Postgres the function `ops.claim_runs` does it, which people can call themselves; SQLite gets the same from here, in
a transaction that excludes every other writer.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.clock import Clock
from supervisor.model.states import RunStatus, SessionStatus, WorkerStatus
from supervisor.store.bare import bare_cursor
from supervisor.store.engine import is_postgres, transaction
from supervisor.store.runs import COLUMNS, HEAD_COLUMNS, RunHead, RunRow, get, run_head, run_row, transition
from supervisor.store.tables import runs, sessions, workers

_CLAIMED = sa.func.ops.claim_runs(sa.bindparam("worker", type_=sa.Text), sa.literal_column("1")).table_valued(
    *(sa.column(column.name, column.type) for column in COLUMNS), name="claimed"
)
_CALL = sa.select(*_CLAIMED.c)
_NAMES = [column.name for column in COLUMNS]
_STATEMENT = f"SELECT {', '.join(_NAMES)} FROM ops.claim_runs(%s, 1)"  # noqa: S608 (our own names)


@dataclass(frozen=True)
class Scope:
    """Which runs a worker is there for.

    Attributes:
        session_id: Those of one session; None for those of any.
        repositories: Those of repositories that its machine has; None for those of any.
    """

    session_id: str | None = None
    repositories: Sequence[str] | None = None

    def condition(self) -> sa.ColumnElement[bool]:
        """Return what rows of `runs` must meet."""
        session = sa.true() if self.session_id is None else runs.c.session_id == self.session_id
        return session & (sa.true() if self.repositories is None else runs.c.repository.in_(self.repositories))


def claim(connection: Connection, worker_id: str, clock: Clock) -> RunRow | None:
    """Claim for a worker the first run in its scope that is due, not paused, and whose lane is free.

    They are claimed by priority, then by age.

    The scope is that of the worker's row, which says from now on that it is busy with the run; a worker without a row
    claims any run of a running session. The lease term grows by one.
    """
    if is_postgres(connection):
        called = connection.execute(_CALL, {"worker": worker_id}).mappings().one_or_none()
        return None if called is None else run_row(called)
    now = clock.now()
    other = runs.alias("other")
    lane_is_taken = sa.exists().where(
        other.c.session_id == runs.c.session_id, other.c.lane == runs.c.lane, other.c.status == RunStatus.RUNNING
    )
    query = _queued(_scope_of(connection, worker_id)).where(runs.c.available_at <= now, ~lane_is_taken)
    row = connection.execute(query.order_by(runs.c.priority, runs.c.id).limit(1)).mappings().one_or_none()
    if row is None:
        return None
    found = run_row(row)
    values = {
        "lease_term": found.lease_term + 1,
        "claimed_by": worker_id,
        "claimed_at": now,
        "heartbeat_at": now,
        "started_at": found.started_at or now,
    }
    transition(
        connection,
        found,
        RunStatus.RUNNING,
        at=now,
        actor=worker_id,
        event="claimed",
        values=values,
        detail={"reason": "next in the queue"},
    )
    busy = {"status": WorkerStatus.BUSY, "current_run": found.id, "heartbeat_at": now}
    connection.execute(sa.update(workers).where(workers.c.id == worker_id).values(busy))
    return get(connection, found.id)


def claim_alone(engine: Engine, worker_id: str, clock: Clock) -> RunRow | None:
    """Claim as `claim` does, in a transaction of its own.

    Raises:
        DatabaseUnavailable: A run may have been claimed, or not.
    """
    if engine.dialect.name != "postgresql":
        with transaction(engine) as connection:
            return claim(connection, worker_id, clock)
    with bare_cursor(engine) as cursor:
        cursor.execute(_STATEMENT, (worker_id,))
        row = cursor.fetchone()
    if row is None:
        return None
    values = zip(_NAMES, row, strict=True)
    # In the server's time zone, as the driver gives them.
    return run_row({name: value.astimezone(UTC) if isinstance(value, datetime) else value for name, value in values})


def claimed_by(connection: Connection, worker_id: str) -> RunRow | None:
    """Return the run that a worker has claimed: it may not know of one if the answer to its claim was lost."""
    query = sa.select(*COLUMNS).where(runs.c.claimed_by == worker_id, runs.c.status == RunStatus.RUNNING)
    row = connection.execute(query.order_by(runs.c.id).limit(1)).mappings().one_or_none()
    return None if row is None else run_row(row)


def queued(connection: Connection, scope: Scope) -> set[int]:
    """Return the rows in a scope that wait for a worker: those that are not due yet, but none that is paused."""
    return set(connection.scalars(_queued(scope).with_only_columns(runs.c.id)))


def queued_elsewhere(connection: Connection, rows: Collection[int], session_id: str) -> list[RunHead]:
    """Return the heads of those of these rows that wait for a worker in other sessions than this one, oldest first."""
    elsewhere = runs.c.id.in_(rows) & (runs.c.session_id != session_id)
    query = _queued(Scope()).with_only_columns(*HEAD_COLUMNS).where(elsewhere).order_by(runs.c.id)
    return [run_head(row) for row in connection.execute(query).mappings()]


def _queued(scope: Scope) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(*COLUMNS)
        .join(sessions, sessions.c.id == runs.c.session_id)
        .where(
            runs.c.status == RunStatus.QUEUED,
            runs.c.pause_requested_at.is_(None),
            sessions.c.status == SessionStatus.RUNNING,
            scope.condition(),
        )
    )


def _scope_of(connection: Connection, worker_id: str) -> Scope:
    query = sa.select(workers.c.session_id, workers.c.repositories).where(workers.c.id == worker_id)
    row = connection.execute(query).one_or_none()
    return Scope() if row is None else Scope(row.session_id, row.repositories)
