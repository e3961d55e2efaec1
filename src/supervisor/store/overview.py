"""Sessions, and what their runs add up to, for those who show how everything stands.

Each function is one query, however many sessions and runs there are. What is asked of every run stands in an index or
in its row of `run_progress`: its own row has the spec, which is large.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import ACTIVE, ENDED_SESSIONS, RunStatus, SessionStatus
from supervisor.store.engine import is_postgres
from supervisor.store.progress import DONE, PROGRESS_COLUMNS, ProgressCounts
from supervisor.store.sessions import COLUMNS, SessionRow, of_repository, session_row
from supervisor.store.tables import run_progress, runs, sessions

_WITH_PROGRESS = runs.outerjoin(run_progress, run_progress.c.run == runs.c.id)
# Who queued a run by hand made no row for its progress.
_SUMS = [sa.func.coalesce(sa.func.sum(column), 0).label(column.name) for column in PROGRESS_COLUMNS]

# Queries are made once, but for whose runs are meant: making them takes longer than some of them do.
_IS_PAUSED = runs.c.pause_requested_at.is_not(None)
_GROUPED = (runs.c.session_id, runs.c.lane, runs.c.status, _IS_PAUSED)
_RUN_GROUPS = sa.select(*_GROUPED, sa.func.count()).group_by(*_GROUPED)

_GOES_ON = runs.c.status.in_(ACTIVE) & runs.c.pause_requested_at.is_(None)
# A document that cannot be opened is finished all the same.
_DOCUMENTS_KNOWN = sa.case(
    (run_progress.c.documents_opened > run_progress.c.documents_done, run_progress.c.documents_opened),
    else_=run_progress.c.documents_done,
)
_LEFT = (run_progress.c.pages - DONE, run_progress.c.documents - _DOCUMENTS_KNOWN)
_SESSION_SUMS = (
    sa.select(
        runs.c.session_id,
        *(sa.func.coalesce(sa.func.sum(sa.case((_GOES_ON, one), else_=0)), 0) for one in _LEFT),
        *_SUMS,
    )
    .select_from(_WITH_PROGRESS)
    .group_by(runs.c.session_id)
)
_STATUS_SUMS = sa.select(runs.c.status, *_SUMS).select_from(_WITH_PROGRESS).group_by(runs.c.status)

_PACES = (
    sa.select(runs.c.session_id, sa.func.sum(DONE))
    .select_from(_WITH_PROGRESS.join(sessions, sessions.c.id == runs.c.session_id))
    .where(
        runs.c.status.in_([RunStatus.SUCCEEDED, RunStatus.FAILED]),
        run_progress.c.documents_opened > 0,
        sessions.c.status == SessionStatus.RUNNING,
    )
    .group_by(runs.c.session_id)
)
_SECONDS_IN_POSTGRES = sa.func.sum(sa.extract("epoch", runs.c.finished_at - runs.c.claimed_at))
_SECONDS_IN_SQLITE = 86_400 * sa.func.sum(sa.func.julianday(runs.c.finished_at) - sa.func.julianday(runs.c.claimed_at))


@dataclass(frozen=True)
class Which:
    """Whose runs are meant.

    Attributes:
        session_ids: Those of these sessions; None for all.
        lane: Those in this lane; None for all.
    """

    repository: str
    session_ids: Collection[str] | None = None
    lane: str | None = None

    def condition(self) -> sa.ColumnElement[bool]:
        """Return what rows of `runs` must meet."""
        condition = runs.c.repository == self.repository
        if self.session_ids is not None:
            condition &= runs.c.session_id.in_(self.session_ids)
        return condition if self.lane is None else condition & (runs.c.lane == self.lane)


class RunGroup(NamedTuple):
    """How many runs of a session are alike.

    Attributes:
        is_paused: Whether they were paused themselves.
    """

    lane: str | None
    status: RunStatus
    is_paused: bool
    runs: int


class SessionSums(NamedTuple):
    """What the runs of a session add up to.

    Attributes:
        pages_left: Those that are known and not finished, of runs that go on: have not ended, and are not paused.
        documents_unknown: Documents of these that have not told their pages.
    """

    counts: ProgressCounts
    pages_left: int
    documents_unknown: int


class Pace(NamedTuple):
    """What runs have done that have ended.

    Attributes:
        seconds: For how long they executed, each in its last term.
    """

    pages: int
    seconds: float


def listed(
    connection: Connection,
    which: Which,
    *,
    status: SessionStatus | None,
    limit: int | None,
) -> list[SessionRow]:
    """Return sessions with such runs, and those without any: unfinished ones first, then the newest.

    Args:
        connection: To the database.
        which: Whose runs; where a lane is named, sessions without runs are not meant.
        status: Only sessions in this state; None for any.
        limit: At most so many; None for all.
    """
    query = sa.select(*COLUMNS).where(of_repository(which.repository))
    if which.session_ids is not None:
        query = query.where(sessions.c.id.in_(which.session_ids))
    if which.lane is not None:
        query = query.where(sa.exists().where(runs.c.session_id == sessions.c.id, which.condition()))
    if status is not None:
        query = query.where(sessions.c.status == status)
    has_ended = sa.case((sessions.c.status.in_(ENDED_SESSIONS), 1), else_=0)
    query = query.order_by(has_ended, sessions.c.created_at.desc(), sessions.c.id).limit(limit)
    return [session_row(row) for row in connection.execute(query).mappings().all()]


def session_counts(connection: Connection, repository: str) -> dict[SessionStatus, int]:
    """Return how many sessions of a repository, and how many without runs, there are in each state."""
    query = sa.select(sessions.c.status, sa.func.count()).where(of_repository(repository)).group_by(sessions.c.status)
    return {SessionStatus(status): count for status, count in connection.execute(query).all()}


def run_groups(connection: Connection, which: Which) -> Mapping[str, list[RunGroup]]:
    """Return by session how many runs are in which lane and state."""
    query = _RUN_GROUPS.where(which.condition())
    found = defaultdict[str, list[RunGroup]](list)
    statuses = {status.value: status for status in RunStatus}
    for session_id, lane, status, paused, count in connection.execute(query).all():
        found[session_id].append(RunGroup(lane, statuses[status], bool(paused), count))
    return found


def session_sums(connection: Connection, which: Which) -> Mapping[str, SessionSums]:
    """Return what the runs of each session add up to."""
    query = _SESSION_SUMS.where(which.condition())
    return {
        session_id: SessionSums(ProgressCounts(*counts), left, documents)
        for session_id, left, documents, *counts in connection.execute(query).all()
    }


def status_sums(connection: Connection, repository: str) -> Mapping[RunStatus, ProgressCounts]:
    """Return by state what all runs of a repository add up to."""
    query = _STATUS_SUMS.where(runs.c.repository == repository)
    return {RunStatus(status): ProgressCounts(*counts) for status, *counts in connection.execute(query).all()}


def paces(connection: Connection, which: Which) -> Mapping[str, Pace]:
    """Return by session what those runs have done that have ended well or badly, and whose pages are known.

    Only of running sessions: it is of use for what comes, and rows are read for it.
    """
    seconds = _SECONDS_IN_POSTGRES if is_postgres(connection) else _SECONDS_IN_SQLITE
    query = _PACES.add_columns(seconds).where(which.condition())
    return {session_id: Pace(pages, float(took or 0)) for session_id, pages, took in connection.execute(query).all()}
