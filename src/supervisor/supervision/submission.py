"""Creating the session and rows of a command, all or nothing, beside other commands that do the same."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sqlalchemy.engine import Connection, Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.clock import Clock
from supervisor.errors import HeldError, UsageError
from supervisor.model.lease import DEFAULT_LEASE_SECONDS, is_expired
from supervisor.model.states import RunStatus
from supervisor.model.submission import ActiveRun, Continue, Decision, New, Refused, decide, session_to_continue
from supervisor.store import runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.databases import Databases
from supervisor.store.engine import alone, transaction
from supervisor.store.moments import database_now
from supervisor.store.runs import Handling, RunRow
from supervisor.store.supervisors import Heard, SupervisorRow
from supervisor.supervision.planning import PlannedRun
from supervisor.supervision.presence import may_be_alive

SHARING_HINT = "use PostgreSQL, or --per-run-sqlite, which gives each run a database of its own"


class RunHeldError(HeldError):
    """A run belongs to another supervisor that lives."""


@dataclass(frozen=True)
class Submission:
    """What a command has created, or continues.

    Attributes:
        worker_ids: None of them, if nobody was registered.
        rows: Ids of rows of `runs`, in the order in which the runs were named.
    """

    session_id: str
    worker_ids: Sequence[str]
    rows: Sequence[int]


@dataclass(frozen=True)
class Request:
    """What a command wants.

    Attributes:
        handling: By run id.
        directory: With `databases`, where those who live can be told from those who do not.
    """

    planned: Sequence[PlannedRun]
    handling: Mapping[str, Handling]
    repository: str
    title: str
    actor: str
    directory: RunsDirectory
    databases: Databases


@dataclass(frozen=True)
class _Target:
    """Where rows go, and who puts them there when."""

    session_id: str
    supervisor_id: str | None
    repository: str
    actor: str
    at: datetime


def submit(engine: Engine, request: Request, me: SupervisorRow | None, clock: Clock) -> Submission:
    """Create or continue every named run; refuse all of them if one is refused.

    One transaction reads, decides and writes, and registers the supervisor with the rows that it will serve: whoever
    looks next sees a live holder. Submissions to a repository exclude each other.

    Args:
        engine: Of the control database.
        request: What is wanted.
        me: The supervisor that executes the runs; None leaves them to whoever is there.
        clock: The time.

    Raises:
        RunHeldError: One of the runs belongs to another supervisor that lives; nothing was created.
        UsageError: The database cannot be used by several supervisors; nothing was created.
    """
    with transaction(engine) as connection:
        alone(connection, request.repository)
        at = database_now(connection, clock)
        decisions = [_decide(connection, request, planned, at) for planned in request.planned]
        refused = [decision for decision in decisions if isinstance(decision, Refused)]
        if refused:
            raise _refusal(refused)
        session_id = session_to_continue(decisions)
        continued = [decision.id for decision in decisions if isinstance(decision, Continue)]
        # Workers execute whatever is queued in their session: one that has other runs, too, is not ours.
        if session_id is None or sessions.has_others(connection, session_id, continued):
            session_id = uuid.uuid4().hex[:12]
            sessions.add(connection, session_id, request.title, at=at)
        else:
            sessions.reopen(connection, session_id)
        worker_ids: list[str] = []
        if me is not None:
            scope = Scope(session_id, [request.repository])
            worker_ids = register(connection, request.databases, request.directory, me, scope, at=at)
        target = _Target(session_id, me.id if me else None, request.repository, request.actor, at)
        rows = [
            _carry_out(connection, decision, planned, request.handling[planned.run_id], target)
            for decision, planned in zip(decisions, request.planned, strict=True)
        ]
        return Submission(session_id, worker_ids, rows)


def register(
    connection: Connection,
    databases: Databases,
    directory: RunsDirectory,
    me: SupervisorRow,
    scope: Scope,
    *,
    at: datetime,
) -> list[str]:
    """Add a supervisor and its workers; return the names of these.

    Raises:
        UsageError: Another one uses the same SQLite file for its results.
    """
    if databases.shared and databases.is_sqlite:
        others = [one for one in supervisors.everybody(connection) if may_be_alive(directory, databases, one, at=at)]
        if others:
            raise UsageError(
                f"the SQLite database is in use by {_named(others[0])}, and several workers cannot share one",
                hint=SHARING_HINT,
            )
    worker_ids = [f"{me.id}-{number}" for number in range(1, me.desired_workers + 1)]
    supervisors.register(connection, me, worker_ids, scope, at=at)
    return worker_ids


def _decide(connection: Connection, request: Request, planned: PlannedRun, at: datetime) -> Decision:
    row = runs.active(connection, request.repository, planned.run_id)
    if row is None:
        return decide(planned.run_id, None)
    holder = _holder(connection, request, row, at)
    same = row.commit_sha == planned.commit and _same_spec(row.spec, planned)
    return decide(planned.run_id, ActiveRun(row.id, row.run_id, row.session_id, row.status, holder, same))


def _holder(connection: Connection, request: Request, row: RunRow, at: datetime) -> str | None:
    """Name a supervisor that lives, or may live, and executes the run or will do so."""
    candidates = [supervisors.present(connection, row.served_by)] if row.served_by else []
    if row.status is RunStatus.QUEUED:
        candidates += supervisors.serving(connection, row.session_id, row.repository)
    else:
        claimed_by = supervisors.of_worker(connection, row.claimed_by)
        if claimed_by is None and not is_expired(row.heartbeat_at, DEFAULT_LEASE_SECONDS, at=at):
            return f"worker {row.claimed_by}"
        candidates.append(claimed_by)
    for heard in candidates:
        if heard is not None and may_be_alive(request.directory, request.databases, heard, at=at):
            return _named(heard)
    return None


def _named(heard: Heard) -> str:
    return f"pid {heard.supervisor.pid} on {heard.supervisor.host}"


def _same_spec(stored: Mapping[str, object], planned: PlannedRun) -> bool:
    return dict(stored) == planned.spec.to_json()


def _refusal(refused: Sequence[Refused]) -> RunHeldError:
    named = "; ".join(f"run {one.run_id!r} is {one.status} ({one.holder})" for one in refused)
    return RunHeldError(f"{named}; nothing was started", hint="wait for it to end, or stop that supervisor with Ctrl-C")


def _carry_out(
    connection: Connection, decision: Decision, planned: PlannedRun, handling: Handling, target: _Target
) -> int:
    match decision:
        case Continue(id=row_id):
            row = runs.get(connection, row_id)
            runs.serve(connection, row, target.supervisor_id, handling, at=target.at, actor=target.actor)
            # A running one is moved when it has been rescued: its lane may be taken in the other session.
            if row.status is RunStatus.QUEUED and row.session_id != target.session_id:
                sessions.lock(connection, row.session_id)
                runs.move(connection, row, target.session_id, at=target.at, actor=target.actor)
                sessions.conclude(connection, row.session_id, at=target.at)
            return row_id
        case New(run_id=run_id, supersedes=superseded):
            if superseded is not None:
                _supersede(connection, superseded, target)
            new = runs.NewRun(
                run_id=run_id,
                session_id=target.session_id,
                commit_sha=planned.commit,
                repository=target.repository,
                spec=planned.spec.to_json(),
                requested_by=target.actor,
                served_by=target.supervisor_id,
                **vars(handling),
            )
            return runs.add(connection, new, at=target.at)
        case Refused():
            raise AssertionError("refused runs were dealt with")
        case _:
            assert_never(decision)


def _supersede(connection: Connection, row_id: int, target: _Target) -> None:
    row = runs.get(connection, row_id)
    sessions.lock(connection, row.session_id)
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
