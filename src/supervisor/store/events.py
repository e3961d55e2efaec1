"""The history of runs: one row for each change of state, written in the transaction that makes the change."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import RunStatus
from supervisor.store.tables import run_events, runs, storable


@dataclass(frozen=True)
class Event:
    """Who did what to a run, when and why."""

    run: int
    attempt: int
    lease_term: int
    at: datetime
    actor: str
    event: str
    from_status: RunStatus | None
    to_status: RunStatus | None
    detail: Mapping[str, object]


def record(connection: Connection, event: Event) -> None:
    """Add an event to the history of its run."""
    connection.execute(
        sa.insert(run_events).values(
            run_id=event.run,
            attempt=event.attempt,
            lease_term=event.lease_term,
            at=event.at,
            actor=event.actor,
            event=event.event,
            from_status=event.from_status,
            to_status=event.to_status,
            detail={key: storable(value) if isinstance(value, str) else value for key, value in event.detail.items()},
        )
    )


def is_recorded(connection: Connection, event: Event) -> bool:
    """Tell whether an event like this, at whatever time, is there already.

    So one who lost the connection while committing finds out that the change was made.
    """
    like = (
        run_events.c.run_id == event.run,
        run_events.c.lease_term == event.lease_term,
        run_events.c.actor == event.actor,
        run_events.c.event == event.event,
        run_events.c.to_status == event.to_status,
    )
    return connection.scalar(sa.select(run_events.c.id).where(*like).limit(1)) is not None


def history(connection: Connection, run: int) -> list[Event]:
    """Return the events of a row of `runs`, oldest first."""
    return histories(connection, [run])[run]


def histories(connection: Connection, rows: Collection[int]) -> dict[int, list[Event]]:
    """Return the events of each of these rows of `runs`, oldest first."""
    found: dict[int, list[Event]] = {row: [] for row in rows}
    query = sa.select(run_events).where(run_events.c.run_id.in_(rows)).order_by(run_events.c.id)
    for row in connection.execute(query):
        found[row.run_id].append(_event(row))
    return found


def recent(
    connection: Connection, repository: str, session_ids: Collection[str] | None, lane: str | None, limit: int
) -> list[tuple[Event, str, str]]:
    """Return what happened last in a repository, with run id and session; the newest first.

    Args:
        connection: To the database.
        repository: Whose runs are meant.
        session_ids: Runs of these sessions; None for all.
        lane: Runs in this lane; None for all.
        limit: At most so many.
    """
    query = sa.select(run_events, runs.c.run_id.label("name"), runs.c.session_id).join(
        runs, runs.c.id == run_events.c.run_id
    )
    query = query.where(runs.c.repository == repository)
    if session_ids is not None:
        query = query.where(runs.c.session_id.in_(session_ids))
    if lane is not None:
        query = query.where(runs.c.lane == lane)
    rows = connection.execute(query.order_by(run_events.c.id.desc()).limit(limit))
    return [(_event(row), row.name, row.session_id) for row in rows]


def _event(row: sa.Row[Any]) -> Event:
    return Event(
        row.run_id,
        row.attempt,
        row.lease_term,
        row.at,
        row.actor,
        row.event,
        None if row.from_status is None else RunStatus(row.from_status),
        None if row.to_status is None else RunStatus(row.to_status),
        row.detail,
    )
