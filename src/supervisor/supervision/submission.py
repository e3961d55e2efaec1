"""Creating the session and rows of a command, all or nothing, beside other commands that do the same."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sqlalchemy.engine import Connection, Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.errors import HeldError
from supervisor.model.states import RunStatus
from supervisor.model.submission import ActiveRun, Continue, Decision, New, Refused, decide, session_to_continue
from supervisor.store import runs, sessions, supervisors
from supervisor.store.engine import transaction
from supervisor.store.supervisors import SupervisorRow
from supervisor.supervision.planning import PlannedRun
from supervisor.supervision.presence import may_be_alive


class RunHeldError(HeldError):
    """A run belongs to another supervisor that lives."""


@dataclass(frozen=True)
class Submission:
    """What a command has created, or continues.

    Attributes:
        rows: Ids of rows of `runs`, in the order in which the runs were named.
    """

    session_id: str
    worker_ids: Sequence[str]
    rows: Sequence[int]


@dataclass(frozen=True)
class Request:
    """What a command wants."""

    planned: Sequence[PlannedRun]
    repository: str
    title: str
    actor: str
    directory: RunsDirectory


@dataclass(frozen=True)
class _Target:
    """Where rows go, and who puts them there when."""

    session_id: str
    supervisor_id: str
    actor: str
    at: datetime


def submit(engine: Engine, request: Request, me: SupervisorRow, *, at: datetime) -> Submission:
    """Create or continue every named run under this supervisor; refuse all of them if one is refused.

    One transaction reads, decides and writes, and registers this supervisor with the rows that it will serve: whoever
    looks next sees a live holder.

    Raises:
        RunHeldError: One of the runs belongs to another supervisor that lives; nothing was created.
    """
    with transaction(engine) as connection:
        decisions = [_decide(connection, request, planned) for planned in request.planned]
        refused = [decision for decision in decisions if isinstance(decision, Refused)]
        if refused:
            raise _refusal(refused)
        session_id = session_to_continue(decisions)
        if session_id is None:
            session_id = uuid.uuid4().hex[:12]
            sessions.add(connection, session_id, request.title, at=at)
        worker_ids = [f"{me.id}-{number}" for number in range(1, me.desired_workers + 1)]
        supervisors.register(connection, me, worker_ids, session_id=session_id, repository=request.repository, at=at)
        target = _Target(session_id, me.id, request.actor, at)
        rows = [
            _carry_out(connection, decision, planned, request.repository, target)
            for decision, planned in zip(decisions, request.planned, strict=True)
        ]
        return Submission(session_id, worker_ids, rows)


def _decide(connection: Connection, request: Request, planned: PlannedRun) -> Decision:
    row = runs.active(connection, request.repository, planned.run_id)
    if row is None:
        return decide(planned.run_id, None)
    served_by = supervisors.present(connection, row.served_by) if row.served_by else None
    alive = served_by is not None and may_be_alive(request.directory, served_by)
    holder = f"pid {served_by.pid} on {served_by.host}" if served_by and alive else None
    same = row.commit_sha == planned.commit and _same_spec(row.spec, planned)
    return decide(planned.run_id, ActiveRun(row.id, row.run_id, row.session_id, row.status, holder, same))


def _same_spec(stored: Mapping[str, object], planned: PlannedRun) -> bool:
    return dict(stored) == planned.spec.to_json()


def _refusal(refused: Sequence[Refused]) -> RunHeldError:
    named = "; ".join(f"run {one.run_id!r} is {one.status} ({one.holder})" for one in refused)
    return RunHeldError(f"{named}; nothing was started", hint="wait for it to end, or stop that supervisor with Ctrl-C")


def _carry_out(
    connection: Connection,
    decision: Decision,
    planned: PlannedRun,
    repository: str,
    target: _Target,
) -> int:
    match decision:
        case Continue(id=row_id):
            row = runs.get(connection, row_id)
            runs.serve(connection, row, target.session_id, target.supervisor_id, at=target.at, actor=target.actor)
            if row.session_id != target.session_id:
                sessions.conclude(connection, row.session_id, at=target.at)
            return row_id
        case New(run_id=run_id, supersedes=superseded):
            if superseded is not None:
                _supersede(connection, superseded, target)
            new = runs.NewRun(
                run_id=run_id,
                session_id=target.session_id,
                commit_sha=planned.commit,
                repository=repository,
                spec=planned.spec.to_json(),
                requested_by=target.actor,
                served_by=target.supervisor_id,
            )
            return runs.add(connection, new, at=target.at)
        case Refused():
            raise AssertionError("refused runs were dealt with")
        case _:
            assert_never(decision)


def _supersede(connection: Connection, row_id: int, target: _Target) -> None:
    row = runs.get(connection, row_id)
    runs.transition(
        connection,
        row,
        RunStatus.CANCELLED,
        at=target.at,
        actor=target.actor,
        event="superseded",
        values={"cancelled_at": target.at, "finished_at": target.at, "settled_at": target.at, "error": "superseded"},
        detail={"reason": "the run was named again with another commit or other jobs"},
    )
    sessions.conclude(connection, row.session_id, at=target.at)
