"""A queue of runs, and what holders and rescuers do to it: what `supervision/` does in the database, and no more."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import psycopg2
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import PoolProxiedConnection

from supervisor.clock import SystemClock
from supervisor.model.lease import is_expired
from supervisor.model.rescue import RescueOutcome, rescue_outcome
from supervisor.model.states import TRANSITIONS, ResultStatus, RunStatus
from supervisor.store import intents, leases, runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.moments import database_now
from supervisor.store.results import AttemptKey, FencedOut, ResultStore, StoredDocument, StoredPage
from supervisor.store.runs import NewRun, RunHead
from supervisor.store.supervisors import SupervisorRow
from supervisor.store.tables import control, documents, pages, run_events
from supervisor.store.tables import runs as table

TABLES = [*control.sorted_tables, documents, pages]
CLOCK = SystemClock()
LEASE_SECONDS = 60
DOCUMENT = StoredDocument("a.tiff", "b10b", "books", None, None, None)


def empty(engine: Engine) -> None:
    """Remove every row of every table."""
    with transaction(engine) as connection:
        for one in reversed(TABLES):
            connection.execute(sa.delete(one))


def contents(engine: Engine) -> dict[str, Sequence[sa.Row[Any]]]:
    """Return every row of every table."""
    with transaction(engine) as connection:
        return {one.name: connection.execute(sa.select(one).order_by(*one.primary_key)).all() for one in TABLES}


def add_session(connection: Connection, session_id: str) -> None:
    sessions.add(connection, session_id, "letters", at=database_now(connection, CLOCK))


def add_run(connection: Connection, run_id: str, session_id: str = "s", **others: Any) -> int:
    new = {
        "commit_sha": "c0ffee",
        "repository": "repo",
        "spec": {},
        "requested_by": "anna",
        "served_by": None,
        **others,
    }
    return runs.add(connection, NewRun(run_id=run_id, session_id=session_id, **new), at=database_now(connection, CLOCK))


def add_worker(connection: Connection, name: str, scope: Scope) -> None:
    """Register a supervisor with one worker, both of that name."""
    supervisor = SupervisorRow(
        id=name,
        host="desk",
        machine_id="m",
        boot_id="b",
        pid=42,
        pid_namespace="pid:[1]",
        process_started_at=1.5,
        version="0",
        desired_workers=1,
        runs_directory="/srv/runs",
        lease_seconds=LEASE_SECONDS,
    )
    supervisors.register(connection, supervisor, [name], scope, at=database_now(connection, CLOCK))


def put(
    engine: Engine, row: RunHead, to_status: RunStatus, *, actor: str, event: str, **values: object
) -> tuple[bool, bool]:
    """Change the state of a run as its holder does, or who cancels it.

    Returns:
        Whether results could be published, and whether the state has changed.
    """
    with transaction(engine) as connection:
        sessions.lock(connection, row.session_id)
        held = runs.hold(connection, row)
        now = database_now(connection, CLOCK)
        if to_status is not RunStatus.QUEUED:
            values["finished_at"] = now
        done = runs.transition(connection, row, to_status, at=now, actor=actor, event=event, values=values)
        sessions.conclude(connection, row.session_id, at=now)
    return held, done


def retried(row: RunHead, seconds: float) -> dict[str, object]:
    """Return what changes in a run that is tried again after some time."""
    return {
        "claimed_by": None,
        "attempt": row.attempt + 1,
        "retry_count": row.retry_count + 1,
        "available_at": CLOCK.now() + timedelta(seconds=seconds),
    }


def expired(engine: Engine, scope: Scope) -> list[RunHead]:
    """Return the running runs in a scope whose holders have been silent for too long."""
    with transaction(engine) as connection:
        now = database_now(connection, CLOCK)
        seen = leases.running(connection, scope, also=(), but=())
    return [row for row in seen if is_expired(row.heartbeat_at, LEASE_SECONDS, at=now)]


def rescue(engine: Engine, row: RunHead, *, actor: str) -> bool:
    """Take a run from its holder as it was seen some time ago."""
    with transaction(engine) as connection:
        sessions.lock(connection, row.session_id)
        if not leases.is_unchanged(connection, row):
            return False
        now = database_now(connection, CLOCK)
        outcome = rescue_outcome(row.rescue_count, intents.wanted(connection, [row.id]).get(row.id))
        again, cancelled = outcome is RescueOutcome.REQUEUE, outcome is RescueOutcome.CANCEL
        ended = RunStatus.CANCELLED if cancelled else RunStatus.FAILED
        taken = runs.transition(
            connection,
            row,
            RunStatus.QUEUED if again else ended,
            at=now,
            actor=actor,
            event="rescued" if again else ended,
            values={"claimed_by": None, "rescue_count": row.rescue_count + 1} if again else {"finished_at": now},
        )
        sessions.conclude(connection, row.session_id, at=now)
    return taken


def silence(connection: Connection, row: RunHead) -> None:
    """Let the last beat of a run be long ago, if it is still in the same term."""
    long_ago = CLOCK.now() - timedelta(hours=1)
    same = (table.c.id == row.id) & (table.c.lease_term == row.lease_term)
    connection.execute(sa.update(table).where(same).values(heartbeat_at=long_ago))


def key_of(row: RunHead) -> AttemptKey:
    return AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)


def page(number: int, text: str) -> StoredPage:
    return StoredPage(
        DOCUMENT.path, number, ResultStatus.SUCCEEDED, "ocr", text, 91.5, 60.0, 0.25, 1, 812, None, "k3y", "new", "hocr"
    )


def finished(status: str, page_count: int, error: str | None) -> StoredDocument:
    """Return the document as it stands in the end."""
    return replace(DOCUMENT, status=ResultStatus(status), page_count=page_count, error=error)


def is_stored(store: ResultStore, row: RunHead, number: int, text: str) -> bool:
    """Store a page, unless the term is over."""
    try:
        store.store(key_of(row), [page(number, text)], [])
    except FencedOut:
        return False
    return True


@contextmanager
def lost_answers(engine: Engine, times: int = 1) -> Iterator[None]:
    """Let the connection break when something has been committed; the first times only."""
    commit, left = engine.dialect.do_commit, iter(range(times))
    broken: Exception = psycopg2.OperationalError("server closed the connection unexpectedly")
    if engine.dialect.name == "sqlite":
        # What comes closest: SQLite has no connection that could break.
        broken = sqlite3.OperationalError("database is locked")
        broken.sqlite_errorcode = sqlite3.SQLITE_BUSY

    def commit_and_break(connection: PoolProxiedConnection) -> None:
        commit(connection)
        if next(left, None) is not None:
            raise broken

    with mock.patch.object(engine.dialect, "do_commit", commit_and_break):
        yield


def check_histories(engine: Engine, claims: Sequence[tuple[int, int, str]]) -> None:
    """Make sure that every run has come to where it is step by step, and that lanes ran one run at a time.

    Args:
        claims: Row, term and worker of every claim, as the claimers know it.
    """
    with transaction(engine) as connection:
        rows = connection.execute(sa.select(table)).all()
        events = connection.execute(sa.select(run_events).order_by(run_events.c.id)).all()
    changes = [event for event in events if event.to_status is not None]
    claimed = [(event.run_id, event.lease_term, event.actor) for event in changes if event.event == "claimed"]
    assert sorted(claimed) == sorted(claims), "each claim appears once, and whoever made it knows"
    of_runs: dict[int, list[sa.Row[Any]]] = {}
    for change in changes:
        of_runs.setdefault(change.run_id, []).append(change)
    for row in rows:
        _check_history(row, of_runs.pop(row.id))
    assert not of_runs
    _check_lanes({row.id: (row.session_id, row.lane) for row in rows if row.lane is not None}, changes)


def _check_history(row: sa.Row[Any], changes: Sequence[sa.Row[Any]]) -> None:
    status, term, holder = None, changes[0].lease_term, None
    for change in changes:
        assert change.from_status == status
        assert status is None or change.to_status in TRANSITIONS[status]
        assert change.lease_term == term + (change.to_status == RunStatus.RUNNING)
        if status == RunStatus.RUNNING:
            assert change.actor == holder or change.actor.startswith("rescuer")
        status, term = RunStatus(change.to_status), change.lease_term
        holder = change.actor if status is RunStatus.RUNNING else None
    assert (row.status, row.lease_term) == (status, term)
    times = [change.at for change in changes]
    assert times == sorted(times), [(change.at, change.event) for change in changes]


def _check_lanes(lanes: Mapping[int, tuple[str, str]], changes: Sequence[sa.Row[Any]]) -> None:
    running: dict[tuple[str, str], int] = {}
    for change in changes:
        lane = lanes.get(change.run_id)
        if lane is not None and change.to_status == RunStatus.RUNNING:
            assert lane not in running, "a run of the lane began before another had ended"
            running[lane] = change.run_id
        elif lane is not None and change.from_status == RunStatus.RUNNING:
            assert running.pop(lane) == change.run_id
