"""Rows of `runs`: made and changed, always by compare-and-set and together with their event. `claims` claims them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.lanes import DEFAULT_PRIORITY
from supervisor.model.retry import DEFAULT_MAX_RETRIES
from supervisor.model.states import ACTIVE, RunStatus, check_transition
from supervisor.store import file_locks, progress
from supervisor.store.events import Event, is_recorded, record
from supervisor.store.tables import runs


@dataclass(frozen=True)
class RunHead:
    """A row of `runs` without what is to be done, which can be megabytes: for those who look again and again."""

    id: int
    run_id: str
    session_id: str
    lane: str | None
    status: RunStatus
    priority: int
    attempt: int
    max_retries: int
    retry_count: int
    rescue_count: int
    timeout_seconds: int | None
    lease_term: int
    commit_sha: str
    repository: str
    available_at: datetime
    claimed_by: str | None
    served_by: str | None
    error: str | None
    created_at: datetime
    claimed_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    pause_requested_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    settled_at: datetime | None

    @property
    def owner(self) -> str:
        """Names the row, also beside rows of another control database that had its id."""
        return f"{self.id} {self.created_at.isoformat()}"


@dataclass(frozen=True)
class RunRow(RunHead):
    """A row of `runs`, as far as supervising it needs."""

    spec: Mapping[str, object]


HEAD_COLUMNS = [runs.c[field.name] for field in fields(RunHead)]
"""What a query selects to make heads of rows."""
COLUMNS = [runs.c[field.name] for field in fields(RunRow)]
"""What a query selects to make rows of."""


@dataclass(frozen=True, kw_only=True)
class Handling:
    """How a run is treated, whatever it does.

    Attributes:
        lane: None for a run that waits for no other.
        priority: Lower numbers go first.
        max_retries: How often it is tried again when what made it fail can pass by itself.
        timeout_seconds: For one attempt; None for no limit.
    """

    lane: str | None = None
    priority: int = DEFAULT_PRIORITY
    max_retries: int = DEFAULT_MAX_RETRIES
    timeout_seconds: int | None = None


@dataclass(frozen=True, kw_only=True)
class NewRun(Handling):
    """What a row begins with.

    Attributes:
        served_by: The supervisor that was made for it; None if it waits for any.
    """

    run_id: str
    session_id: str
    commit_sha: str
    repository: str
    spec: Mapping[str, object]
    requested_by: str
    served_by: str | None


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
    run = int(connection.execute(sa.insert(runs).values(values).returning(runs.c.id)).scalar_one())
    progress.begin(connection, run, new.spec, at=at)
    detail = {"commit": new.commit_sha, "lane": new.lane, "priority": new.priority}
    record(connection, Event(run, attempt + 1, term, at, new.requested_by, "queued", None, RunStatus.QUEUED, detail))
    return run


def transition(
    connection: Connection,
    row: RunHead,
    to_status: RunStatus,
    *,
    at: datetime,
    actor: str,
    event: str,
    values: Mapping[str, object] | None = None,
    detail: Mapping[str, object] | None = None,
) -> bool:
    """Change the state of a row, if its state and lease term are still those of `row`, and record the event.

    Those who watch are told the event as the stage that the run is in.

    Returns:
        Whether the change is made, now or by an earlier try of the same actor whose answer was lost. False means that
        somebody else was first, and nothing is changed.
    """
    check_transition(row.status, to_status)
    new: dict[str, Any] = {"status": to_status, **(values or {})}
    changed = connection.execute(
        sa.update(runs)
        .where(runs.c.id == row.id, runs.c.status == row.status, runs.c.lease_term == row.lease_term)
        .values(new)
    )
    term, attempt = new.get("lease_term", row.lease_term), new.get("attempt", row.attempt)
    happened = Event(row.id, attempt, term, at, actor, event, row.status, to_status, detail or {})
    if changed.rowcount != 1:
        return is_recorded(connection, happened)
    record(connection, happened)
    progress.note_stage(connection, row.id, event, at=at)
    return True


def hold(connection: Connection, row: RunHead) -> bool:
    """Keep a running row from everybody else until the end of the transaction; False if its term is over."""
    held = sa.select(runs.c.id).where(
        runs.c.id == row.id, runs.c.status == RunStatus.RUNNING, runs.c.lease_term == row.lease_term
    )
    return connection.scalar(held.with_for_update()) is not None


def serve(
    connection: Connection, row: RunHead, supervisor_id: str | None, handling: Handling, *, at: datetime, actor: str
) -> None:
    """Give a row that was left behind, and that the caller has locked, to another supervisor; it is due at once.

    It is treated as before, but for what `handling` has that is not the default: nobody has asked for defaults.
    """
    usual = vars(Handling())
    asked = {name: value for name, value in vars(handling).items() if value != usual[name]}
    if row.status is RunStatus.RUNNING:
        # Its lane is that which it runs in, until it is queued again.
        asked.pop("lane", None)
    before = (
        connection.execute(sa.select(*(runs.c[name] for name in usual)).where(runs.c.id == row.id)).mappings().one()
    )
    changes = {name: value for name, value in asked.items() if value != before[name]}
    values = {"served_by": supervisor_id, "available_at": at, **changes}
    connection.execute(sa.update(runs).where(runs.c.id == row.id).values(values))
    words = [f"{name} {before[name]} → {value}" for name, value in changes.items()]
    detail = {"reason": ", ".join(["named again", *words]), "from": row.served_by, "to": supervisor_id}
    record(connection, Event(row.id, row.attempt, row.lease_term, at, actor, "continued", None, None, detail))


def move(connection: Connection, row: RunHead, session_id: str, *, at: datetime, actor: str) -> None:
    """Put a queued row into another session, unless it is queued no more; the files locked for it go with it."""
    moved = connection.execute(
        sa.update(runs)
        .where(runs.c.id == row.id, runs.c.status == RunStatus.QUEUED, runs.c.session_id == row.session_id)
        .values(session_id=session_id)
    )
    if moved.rowcount:
        file_locks.move(connection, row.repository, row.run_id, row.session_id, session_id)
        detail = {"from_session": row.session_id, "to_session": session_id}
        record(connection, Event(row.id, row.attempt, row.lease_term, at, actor, "moved", None, None, detail))


def settle(connection: Connection, run: int, *, at: datetime) -> None:
    """Note that nothing remains to be done for an ended row."""
    connection.execute(sa.update(runs).where(runs.c.id == run, runs.c.settled_at.is_(None)).values(settled_at=at))


def get(connection: Connection, run: int) -> RunRow:
    """Return one row."""
    return run_row(connection.execute(sa.select(*COLUMNS).where(runs.c.id == run)).mappings().one())


def active(connection: Connection, repository: str, run_id: str) -> RunRow | None:
    """Return the queued or running row of a run id, of which there is at most one."""
    row = connection.execute(sa.select(*COLUMNS).where(_are_active(repository, [run_id]))).mappings().one_or_none()
    return None if row is None else run_row(row)


def sessions_of_active(connection: Connection, repository: str, run_ids: Collection[str]) -> set[str]:
    """Return the sessions in which these run ids are queued or running."""
    return set(connection.scalars(sa.select(runs.c.session_id).where(_are_active(repository, run_ids))))


def lock_active(connection: Connection, repository: str, run_ids: Collection[str]) -> dict[str, RunRow]:
    """Return by run id the rows that are queued or running, and keep them from others until the end of the transaction.

    The caller has locked their sessions.
    """
    query = sa.select(*COLUMNS).where(_are_active(repository, run_ids)).order_by(runs.c.id).with_for_update()
    return {row["run_id"]: run_row(row) for row in connection.execute(query).mappings()}


def is_active(connection: Connection, run_id: str) -> bool:
    """Tell whether a run id is queued or running, in whatever repository."""
    return connection.scalar(sa.select(runs.c.id).where(runs.c.run_id == run_id, runs.c.status.in_(ACTIVE))) is not None


def of_rows(connection: Connection, rows: Collection[int]) -> list[RunRow]:
    """Return these rows, oldest first."""
    query = sa.select(*COLUMNS).where(runs.c.id.in_(rows)).order_by(runs.c.id)
    return [run_row(row) for row in connection.execute(query).mappings()]


def heads(connection: Connection, rows: Collection[int]) -> list[RunHead]:
    """Return the heads of these rows, oldest first."""
    query = sa.select(*HEAD_COLUMNS).where(runs.c.id.in_(rows)).order_by(runs.c.id)
    return [run_head(row) for row in connection.execute(query).mappings()]


def run_ids(connection: Connection, repository: str) -> list[str]:
    """Return the run ids that a repository has, or ever had."""
    query = sa.select(runs.c.run_id).where(runs.c.repository == repository).distinct()
    return sorted(connection.scalars(query))


def unsettled(connection: Connection, repository: str) -> list[RunRow]:
    """Return the ended rows for which something may remain to be done."""
    query = sa.select(*COLUMNS).where(
        runs.c.repository == repository, runs.c.status.not_in(ACTIVE), runs.c.settled_at.is_(None)
    )
    return [run_row(row) for row in connection.execute(query.order_by(runs.c.id)).mappings()]


def run_head(row: Mapping[Any, Any]) -> RunHead:
    """Make a head of what a query over `HEAD_COLUMNS` returned."""
    return RunHead(**{**row, "status": RunStatus(row["status"])})


def run_row(row: Mapping[Any, Any]) -> RunRow:
    """Make a row of what a query over `COLUMNS` returned."""
    return RunRow(**{**row, "status": RunStatus(row["status"])})


def _are_active(repository: str, run_ids: Collection[str]) -> sa.ColumnElement[bool]:
    return (runs.c.repository == repository) & runs.c.run_id.in_(run_ids) & runs.c.status.in_(ACTIVE)


def _latest(connection: Connection, repository: str, run_id: str) -> tuple[int, int]:
    """Return the highest attempt number that a run id has had in a repository, and its highest lease term in any.

    Repositories that share a runs directory share the run's database, hence its fence.
    """
    same_id = sa.select(sa.func.max(runs.c.lease_term)).where(runs.c.run_id == run_id)
    same_run = sa.select(sa.func.max(runs.c.attempt)).where(runs.c.repository == repository, runs.c.run_id == run_id)
    return connection.scalar(same_run) or 0, connection.scalar(same_id) or 0
