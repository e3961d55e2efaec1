"""Rows of `runs`: made, claimed and changed, always by compare-and-set and together with their event."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from supervisor.model.states import ACTIVE, RunStatus, check_transition
from supervisor.store.events import Event, record
from supervisor.store.tables import runs


@dataclass(frozen=True)
class RunRow:
    """A row of `runs`, as far as supervising it needs."""

    id: int
    run_id: str
    session_id: str
    status: RunStatus
    attempt: int
    lease_term: int
    commit_sha: str
    repository: str
    spec: Mapping[str, object]
    claimed_by: str | None
    served_by: str | None
    error: str | None
    created_at: datetime
    claimed_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    settled_at: datetime | None

    @property
    def owner(self) -> str:
        """Names the row, also beside rows of another control database that had its id."""
        return f"{self.id} {self.created_at.isoformat()}"


@dataclass(frozen=True)
class NewRun:
    """What a row begins with."""

    run_id: str
    session_id: str
    commit_sha: str
    repository: str
    spec: Mapping[str, object]
    requested_by: str
    served_by: str


def add(connection: Connection, new: NewRun, *, at: datetime) -> int:
    """Make a queued row and return its id.

    Attempt numbers and lease terms go on from the run id's earlier rows: whoever still holds one of their terms is
    fenced out of the new row's results, too.

    Raises:
        sqlalchemy.exc.IntegrityError: The run id is queued or running already.
    """
    attempt, term = _latest(connection, new.repository, new.run_id)
    state = {"attempt": attempt + 1, "lease_term": term, "status": RunStatus.QUEUED}
    values = {**vars(new), **state, "available_at": at, "created_at": at}
    inserted = connection.execute(sa.insert(runs).values(values))
    key = inserted.inserted_primary_key
    if key is None:
        raise TypeError("an inserted row has a key")
    run = int(key[0])
    detail = {"commit": new.commit_sha}
    record(connection, Event(run, attempt + 1, term, at, new.requested_by, "queued", None, RunStatus.QUEUED, detail))
    return run


def claim(connection: Connection, worker_id: str, rows: Collection[int], *, at: datetime) -> RunRow | None:
    """Claim for a worker the first of these rows that is queued and due: lower priority number first, then age."""
    due = (
        sa.select(runs)
        .where(runs.c.id.in_(rows), runs.c.status == RunStatus.QUEUED, runs.c.available_at <= at)
        .order_by(runs.c.priority, runs.c.id)
        .limit(1)
    )
    row = connection.execute(due).one_or_none()
    if row is None:
        return None
    claimed = transition(
        connection,
        _run_row(row),
        RunStatus.RUNNING,
        at=at,
        actor=worker_id,
        event="claimed",
        values={
            "lease_term": row.lease_term + 1,
            "claimed_by": worker_id,
            "claimed_at": at,
            "heartbeat_at": at,
            "started_at": row.started_at or at,
        },
    )
    return get(connection, row.id) if claimed else None


def transition(
    connection: Connection,
    row: RunRow,
    to_status: RunStatus,
    *,
    at: datetime,
    actor: str,
    event: str,
    values: Mapping[str, object] | None = None,
    detail: Mapping[str, object] | None = None,
) -> bool:
    """Change the state of a row, if its state and lease term are still those of `row`, and record the event.

    Returns:
        Whether the change was made; False means that somebody else was first, and nothing is changed.
    """
    check_transition(row.status, to_status)
    new = {"status": to_status, **(values or {})}
    changed = connection.execute(
        sa.update(runs)
        .where(runs.c.id == row.id, runs.c.status == row.status, runs.c.lease_term == row.lease_term)
        .values(new)
    )
    if changed.rowcount != 1:
        return False
    term = new.get("lease_term", row.lease_term)
    if not isinstance(term, int):
        raise TypeError("a lease term is a whole number")
    record(connection, Event(row.id, row.attempt, term, at, actor, event, row.status, to_status, detail or {}))
    return True


def serve(
    connection: Connection, row: RunRow, session_id: str, supervisor_id: str, *, at: datetime, actor: str
) -> None:
    """Give a row that was left behind to another supervisor and session."""
    values = {"session_id": session_id, "served_by": supervisor_id}
    connection.execute(sa.update(runs).where(runs.c.id == row.id).values(values))
    detail = {"from_session": row.session_id, "to_session": session_id, "from": row.served_by, "to": supervisor_id}
    record(connection, Event(row.id, row.attempt, row.lease_term, at, actor, "continued", None, None, detail))


def settle(connection: Connection, run: int, *, at: datetime) -> None:
    """Note that nothing remains to be done for an ended row."""
    connection.execute(sa.update(runs).where(runs.c.id == run, runs.c.settled_at.is_(None)).values(settled_at=at))


def get(connection: Connection, run: int) -> RunRow:
    """Return one row."""
    return _run_row(connection.execute(sa.select(runs).where(runs.c.id == run)).one())


def active(connection: Connection, repository: str, run_id: str) -> RunRow | None:
    """Return the queued or running row of a run id, of which there is at most one."""
    query = sa.select(runs).where(runs.c.repository == repository, runs.c.run_id == run_id, runs.c.status.in_(ACTIVE))
    row = connection.execute(query).one_or_none()
    return None if row is None else _run_row(row)


def is_active(connection: Connection, run_id: str) -> bool:
    """Tell whether a run id is queued or running, in whatever repository."""
    return connection.scalar(sa.select(runs.c.id).where(runs.c.run_id == run_id, runs.c.status.in_(ACTIVE))) is not None


def of_rows(connection: Connection, rows: Collection[int]) -> list[RunRow]:
    """Return these rows, oldest first."""
    return [_run_row(row) for row in connection.execute(sa.select(runs).where(runs.c.id.in_(rows)).order_by(runs.c.id))]


def unsettled(connection: Connection, repository: str) -> list[RunRow]:
    """Return the ended rows for which something may remain to be done."""
    query = sa.select(runs).where(
        runs.c.repository == repository, runs.c.status.not_in(ACTIVE), runs.c.settled_at.is_(None)
    )
    return [_run_row(row) for row in connection.execute(query.order_by(runs.c.id))]


def _latest(connection: Connection, repository: str, run_id: str) -> tuple[int, int]:
    """Return the highest attempt number that a run id has had in a repository, and its highest lease term in any.

    Repositories that share a runs directory share the run's database, hence its fence.
    """
    same_id = sa.select(sa.func.max(runs.c.lease_term)).where(runs.c.run_id == run_id)
    same_run = sa.select(sa.func.max(runs.c.attempt)).where(runs.c.repository == repository, runs.c.run_id == run_id)
    return connection.scalar(same_run) or 0, connection.scalar(same_id) or 0


def _run_row(row: Row[tuple[object, ...]]) -> RunRow:
    values = row._mapping  # noqa: SLF001 (the documented way to a row's names)
    fields = {name: values[name] for name in RunRow.__dataclass_fields__}
    return RunRow(**{**fields, "status": RunStatus(values["status"])})
