"""What people want of runs, written by their commands: the holders of running ones look for it again and again."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import assert_never

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.intents import Intent, intent_of
from supervisor.model.states import ACTIVE, RunStatus, SessionStatus
from supervisor.store.events import Event, record
from supervisor.store.runs import RunHead
from supervisor.store.tables import run_events, runs, sessions

_EVENTS = {Intent.CANCEL: "cancel_requested", Intent.PAUSE: "pause_requested"}


def wanted(connection: Connection, rows: Collection[int]) -> dict[int, Intent]:
    """Return what is wanted of those of these rows that are running."""
    if not rows:
        return {}
    query = (
        sa.select(runs.c.id, runs.c.cancel_requested_at, runs.c.pause_requested_at, sessions.c.status)
        .join(sessions, sessions.c.id == runs.c.session_id)
        .where(runs.c.id.in_(rows), runs.c.status == RunStatus.RUNNING)
    )
    found = {
        row.id: intent_of(
            cancel_requested_at=row.cancel_requested_at,
            pause_requested_at=row.pause_requested_at,
            session=SessionStatus(row.status),
        )
        for row in connection.execute(query)
    }
    return {row: intent for row, intent in found.items() if intent is not None}


def ask_to_cancel(connection: Connection, row: RunHead, *, at: datetime, actor: str) -> bool:
    """Ask the holder of a running row to cancel it.

    Returns:
        Whether that is new; not if somebody has asked before, or the row is not running any more.
    """
    open_to_it = (runs.c.status == RunStatus.RUNNING) & runs.c.cancel_requested_at.is_(None)
    return _ask(connection, row, open_to_it, {"cancel_requested_at": at}, _EVENTS[Intent.CANCEL], at=at, actor=actor)


def ask_to_pause(connection: Connection, row: RunHead, *, at: datetime, actor: str) -> bool:
    """Pause a queued row, or ask the holder of a running one to.

    Returns:
        Whether that is new; not if somebody has asked before, or the row has ended.
    """
    open_to_it = runs.c.status.in_(ACTIVE) & runs.c.pause_requested_at.is_(None)
    return _ask(connection, row, open_to_it, {"pause_requested_at": at}, _EVENTS[Intent.PAUSE], at=at, actor=actor)


def ask_to_go_on(connection: Connection, row: RunHead, *, at: datetime, actor: str) -> bool:
    """Let a row that was paused by itself go on; one of a paused session rests for as long as that does.

    Returns:
        Whether that is new; not if nobody has paused it, or the row has ended.
    """
    open_to_it = runs.c.status.in_(ACTIVE) & runs.c.pause_requested_at.is_not(None)
    return _ask(connection, row, open_to_it, {"pause_requested_at": None}, "resumed", at=at, actor=actor)


def reason(connection: Connection, row: int, intent: Intent) -> str:
    """Return in words why a row is cancelled or paused, of which that is wanted: who has asked for it."""
    asked_for = {Intent.CANCEL: runs.c.cancel_requested_at, Intent.PAUSE: runs.c.pause_requested_at}[intent]
    query = (
        sa.select(run_events.c.actor)
        .join(runs, runs.c.id == run_events.c.run_id)
        .where(runs.c.id == row, asked_for.is_not(None), run_events.c.event == _EVENTS[intent])
    )
    who = connection.scalar(query.order_by(run_events.c.id.desc()).limit(1))
    match intent:
        case Intent.CANCEL:
            return f"cancelled by {who}"
        case Intent.PAUSE:
            return f"paused by {who}" if who else "its session is paused"
        case _:
            assert_never(intent)


def paused(connection: Connection, rows: Collection[int]) -> dict[int, str]:
    """Return those of these rows that are paused, or are to be, and what to resume: the run, or its whole session."""
    if not rows:
        return {}
    query = (
        sa.select(runs.c.id, runs.c.run_id, runs.c.session_id, sessions.c.status)
        .join(sessions, sessions.c.id == runs.c.session_id)
        .where(
            runs.c.id.in_(rows),
            runs.c.status.in_(ACTIVE),
            runs.c.pause_requested_at.is_not(None) | (sessions.c.status == SessionStatus.PAUSED),
        )
    )
    return {
        row.id: f"session:{row.session_id}" if row.status == SessionStatus.PAUSED else row.run_id
        for row in connection.execute(query)
    }


def _ask(
    connection: Connection,
    row: RunHead,
    open_to_it: sa.ColumnElement[bool],
    values: Mapping[str, datetime | None],
    event: str,
    *,
    at: datetime,
    actor: str,
) -> bool:
    """Change a row if it is open to it, under whatever term it is now, and record the event."""
    changed = connection.execute(
        sa.update(runs)
        .where(runs.c.id == row.id, open_to_it)
        .values(values)
        .returning(runs.c.attempt, runs.c.lease_term)
    ).one_or_none()
    if changed is None:
        return False
    record(connection, Event(row.id, changed.attempt, changed.lease_term, at, actor, event, None, None, {}))
    return True
