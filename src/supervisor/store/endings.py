"""Whether runs have ended, by run id: what is asked before anything of theirs is removed."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import ACTIVE, RunStatus, SessionStatus
from supervisor.store.tables import runs, sessions

PAUSED = "paused"


@dataclass(frozen=True)
class OnRecord:
    """What is on record of a run id, in whatever repository.

    Attributes:
        active: `queued`, `running`, or `paused` for what is queued and rests; None if all its runs have ended.
        ended_at: When the last of them did; None if none has.
        settled: Whether nothing remains to be done for those that have.
    """

    active: str | None
    ended_at: datetime | None
    settled: bool


def on_record(connection: Connection, run_id: str | None = None) -> dict[str, OnRecord]:
    """Return what is on record of a run id, or of all; those without a row are left out."""
    meant = sa.true() if run_id is None else runs.c.run_id == run_id
    ended = (
        sa.select(runs.c.run_id, sa.func.max(runs.c.finished_at), sa.func.count() - sa.func.count(runs.c.settled_at))
        .where(meant, runs.c.status.not_in(ACTIVE))
        .group_by(runs.c.run_id)
    )
    found = {name: OnRecord(None, at, unsettled == 0) for name, at, unsettled in connection.execute(ended)}
    active = (
        sa.select(runs.c.run_id, runs.c.status, runs.c.pause_requested_at, sessions.c.status.label("session"))
        .join(sessions, sessions.c.id == runs.c.session_id)
        .where(meant, runs.c.status.in_(ACTIVE))
        .order_by(runs.c.status)  # of several repositories' runs, what is running is said
    )
    for row in connection.execute(active):
        before = found.get(row.run_id, OnRecord(None, None, settled=True))
        rests = row.pause_requested_at is not None or row.session == SessionStatus.PAUSED
        state = PAUSED if rests and row.status == RunStatus.QUEUED else str(RunStatus(row.status))
        found[row.run_id] = OnRecord(state, before.ended_at, before.settled)
    return found
