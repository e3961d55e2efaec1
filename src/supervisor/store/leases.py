"""The leases of running runs: kept up by beats, watched by those who would rescue."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import RunStatus
from supervisor.store.claims import Scope
from supervisor.store.runs import HEAD_COLUMNS, RunHead, run_head
from supervisor.store.tables import runs


def renew(connection: Connection, terms: Mapping[int, int], *, at: datetime) -> set[int]:
    """Renew the leases of rows under these lease terms; return the rows that are still held under them.

    A row that somebody else has locked is left for the next beat: it keeps none of the others waiting.
    """
    if not terms:
        return set()
    under_term = sa.tuple_(runs.c.id, runs.c.lease_term).in_(list(terms.items()))
    ours = sa.select(runs.c.id).where(under_term, runs.c.status == RunStatus.RUNNING)
    free = connection.scalars(ours.order_by(runs.c.id).with_for_update(key_share=True, skip_locked=True)).all()
    connection.execute(sa.update(runs).where(runs.c.id.in_(free)).values(heartbeat_at=at))
    return set(connection.scalars(ours))


def is_unchanged(connection: Connection, row: RunHead) -> bool:
    """Tell whether a running row has its term and last beat still, and keep it so until the end of the transaction."""
    same = sa.select(runs.c.id).where(
        runs.c.id == row.id,
        runs.c.status == RunStatus.RUNNING,
        runs.c.lease_term == row.lease_term,
        runs.c.heartbeat_at.is_not_distinct_from(row.heartbeat_at),
    )
    return connection.scalar(same.with_for_update()) is not None


def running(connection: Connection, scope: Scope, *, also: Collection[int], but: Collection[int]) -> list[RunHead]:
    """Return what is running in a scope, and of the rows `also`, except `but`."""
    query = sa.select(*HEAD_COLUMNS).where(
        runs.c.status == RunStatus.RUNNING, scope.condition() | runs.c.id.in_(also), runs.c.id.not_in(but)
    )
    return [run_head(row) for row in connection.execute(query.order_by(runs.c.id)).mappings()]
