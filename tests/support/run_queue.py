"""A queue of runs, and what holders and rescuers do to it: what `supervision/` does in the database, and no more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

import psycopg2
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.clock import SystemClock
from supervisor.model.lease import is_expired
from supervisor.model.rescue import RescueOutcome, rescue_outcome
from supervisor.model.states import TRANSITIONS, RunStatus
from supervisor.store import leases, runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.events import Event, history
from supervisor.store.moments import database_now
from supervisor.store.results import AttemptKey, FencedOut, ResultStore, StoredDocument, StoredPage
from supervisor.store.runs import NewRun, RunRow
from supervisor.store.supervisors import SupervisorRow
from supervisor.store.tables import control, results
from supervisor.store.tables import runs as table

CLOCK = SystemClock()
LEASE_SECONDS = 60
DOCUMENT = StoredDocument("a.tiff", "b10b", "books", None, None, None)


def empty(engine: Engine) -> None:
    """Remove every row of every table."""
    with transaction(engine) as connection:
        for metadata in (results, control):
            for earlier in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(earlier))


def contents(engine: Engine) -> dict[str, Sequence[sa.Row[Any]]]:
    """Return every row of every table."""
    with transaction(engine) as connection:
        return {
            one.name: connection.execute(sa.select(one).order_by(*one.primary_key)).all()
            for metadata in (control, results)
            for one in metadata.sorted_tables
        }


def add_session(connection: Connection, session_id: str) -> None:
    sessions.add(connection, session_id, "letters", at=database_now(connection, CLOCK))


def add_run(connection: Connection, run_id: str, session_id: str = "s", repository: str = "repo", **others: Any) -> int:
    values = {"commit_sha": "c0ffee", "spec": {}, "requested_by": "anna", "served_by": None, **others}
    new = NewRun(run_id=run_id, session_id=session_id, repository=repository, **values)
    return runs.add(connection, new, at=database_now(connection, CLOCK))


def add_worker(connection: Connection, name: str, scope: Scope) -> None:
    """Register a supervisor with one worker, both of that name."""
    described = {"host": "desk", "machine_id": "m", "boot_id": "b", "pid": 42, "pid_namespace": "pid:[1]"}
    more = {"process_started_at": 1.5, "version": "0", "desired_workers": 1, "runs_directory": "/srv/runs"}
    supervisor = SupervisorRow(id=name, lease_seconds=LEASE_SECONDS, **described, **more)
    supervisors.register(connection, supervisor, [name], scope, at=database_now(connection, CLOCK))


def put(
    engine: Engine, row: RunRow, to_status: RunStatus, *, actor: str, event: str, **values: object
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


def retried(row: RunRow, seconds: float) -> dict[str, object]:
    """Return what changes in a run that is tried again after some time."""
    return {
        "claimed_by": None,
        "attempt": row.attempt + 1,
        "retry_count": row.retry_count + 1,
        "available_at": CLOCK.now() + timedelta(seconds=seconds),
    }


def expired(engine: Engine, scope: Scope) -> list[RunRow]:
    """Return the running runs in a scope whose holders have been silent for too long."""
    with transaction(engine) as connection:
        now = database_now(connection, CLOCK)
        seen = leases.running(connection, scope, also=(), but=())
    return [row for row in seen if is_expired(row.heartbeat_at, LEASE_SECONDS, at=now)]


def rescue(engine: Engine, row: RunRow, *, actor: str) -> bool:
    """Take a run from its holder as it was seen some time ago."""
    again = rescue_outcome(row.rescue_count) is RescueOutcome.REQUEUE
    with transaction(engine) as connection:
        sessions.lock(connection, row.session_id)
        if not leases.is_unchanged(connection, row):
            return False
        now = database_now(connection, CLOCK)
        taken = runs.transition(
            connection,
            row,
            RunStatus.QUEUED if again else RunStatus.FAILED,
            at=now,
            actor=actor,
            event="rescued" if again else "failed",
            values={"claimed_by": None, "rescue_count": row.rescue_count + 1} if again else {"finished_at": now},
        )
        sessions.conclude(connection, row.session_id, at=now)
    return taken


def silence(connection: Connection, run: int) -> None:
    """Let the last beat of a run be long ago."""
    long_ago = CLOCK.now() - timedelta(hours=1)
    connection.execute(sa.update(table).where(table.c.id == run).values(heartbeat_at=long_ago))


def key_of(row: RunRow) -> AttemptKey:
    return AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)


def page(number: int, text: str) -> StoredPage:
    return StoredPage(DOCUMENT.path, number, "succeeded", "ocr", text, 91.5, 60.0, 0.25, 1, 812, None, "level")


def is_stored(store: ResultStore, row: RunRow, number: int, text: str) -> bool:
    """Store a page, unless the term is over."""
    try:
        store.store_page(key_of(row), page(number, text))
    except FencedOut:
        return False
    return True


@contextmanager
def lost_answers(engine: Engine) -> Iterator[None]:
    """Let the connection break whenever something has been committed."""
    commit = engine.dialect.do_commit
    broken: Exception = psycopg2.OperationalError("server closed the connection unexpectedly")
    if engine.dialect.name == "sqlite":
        broken = engine.dialect.loaded_dbapi.OperationalError("disk I/O error")
        broken.sqlite_errorcode = engine.dialect.loaded_dbapi.SQLITE_BUSY

    def commit_and_break(connection: object) -> None:
        commit(connection)
        raise broken

    with mock.patch.object(engine.dialect, "do_commit", commit_and_break):
        yield


def check_history(row: RunRow, events: Sequence[Event], known_claims: Sequence[tuple[int, str]]) -> None:
    """Make sure that a run has come to where it is step by step, and that it was its last holder who ended it.

    Args:
        known_claims: The terms under which it was claimed, and by whom, as the claimers know it.
    """
    changes = [event for event in events if event.to_status is not None]
    status, term = None, changes[0].lease_term
    for event in changes:
        assert event.from_status == status
        assert event.from_status is None or event.to_status in TRANSITIONS[event.from_status]
        assert event.lease_term == term + (event.to_status is RunStatus.RUNNING)
        status, term = event.to_status, event.lease_term
    assert (row.status, row.lease_term) == (status, term)
    claims = [(event.lease_term, event.actor) for event in changes if event.event == "claimed"]
    assert claims == sorted(known_claims), "each claim appears once, and whoever made it knows"
    *_, last = changes
    if last.event in {"succeeded", "failed"}:
        assert (last.lease_term, last.actor) == claims[-1] or last.actor.startswith("rescuer")


def check_histories(engine: Engine, claims: Sequence[tuple[int, int, str]]) -> None:
    """Make sure of the history of every run.

    Args:
        claims: Row, term and worker of every claim, as the claimers know it.
    """
    with transaction(engine) as connection:
        rows = runs.of_rows(connection, connection.scalars(sa.select(table.c.id)).all())
        histories = {row.id: history(connection, row.id) for row in rows}
    assert rows
    for row in rows:
        check_history(row, histories[row.id], [claim[1:] for claim in claims if claim[0] == row.id])
