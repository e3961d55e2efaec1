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
from supervisor.model.intents import Intent
from supervisor.model.states import RunStatus
from supervisor.model.submission import ActiveRun, Continue, Decision, New, Refused, decide, session_to_continue
from supervisor.store import intents, runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.conflicts import retrying_conflicts
from supervisor.store.databases import SHARING_HINT, Databases
from supervisor.store.engine import alone, transaction
from supervisor.store.errors import DatabaseConflict
from supervisor.store.moments import database_now
from supervisor.store.runs import Handling, RunRow
from supervisor.store.supervisors import SupervisorRow
from supervisor.supervision.control.holders import living_holder, process_of
from supervisor.supervision.planning.planner import PlannedRun
from supervisor.supervision.presence import may_be_alive

SURE_LEASES = 1.5  # as long as a rescuer waits that finds an expired claim: see `model.rescue`


class RunHeldError(HeldError):
    """A run belongs to another supervisor that lives, or is paused."""


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
    """Where rows go, and who puts them there when.

    Attributes:
        found: By run id, the rows that are there already.
    """

    session_id: str
    supervisor_id: str | None
    repository: str
    actor: str
    at: datetime
    found: Mapping[str, RunRow]


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
    return retrying_conflicts()(_submit, engine, request, me, clock)


def _submit(engine: Engine, request: Request, me: SupervisorRow | None, clock: Clock) -> Submission:
    with transaction(engine) as connection:
        alone(connection, request.repository)
        found = _lock(connection, request)
        at = database_now(connection, clock)
        decisions = [
            _decide(connection, request, planned, found.get(planned.run_id), at) for planned in request.planned
        ]
        refused = [decision for decision in decisions if isinstance(decision, Refused)]
        if refused:
            raise _refusal(refused)
        session_id = _session_that_goes_on(connection, decisions, found, me)
        if session_id is None:
            session_id = uuid.uuid4().hex[:12]
            sessions.add(connection, session_id, request.title, at=at)
        else:
            sessions.reopen(connection, session_id)
        worker_ids: list[str] = []
        if me is not None:
            scope = Scope(session_id, [request.repository])
            worker_ids = register(connection, request.databases, request.directory, me, scope, at=at)
        target = _Target(session_id, me.id if me else None, request.repository, request.actor, at, found)
        rows = [
            _carry_out(connection, decision, planned, request.handling[planned.run_id], target)
            for decision, planned in zip(decisions, request.planned, strict=True)
        ]
        return Submission(session_id, worker_ids, rows)


def _lock(connection: Connection, request: Request) -> dict[str, RunRow]:
    """Return by run id the rows that the runs have already, locked as all do it: first the sessions, then the rows.

    Raises:
        DatabaseConflict: A row came into another session before it was locked.
    """
    run_ids = [planned.run_id for planned in request.planned]
    locked = runs.sessions_of_active(connection, request.repository, run_ids)
    sessions.lock(connection, *locked)
    found = runs.lock_active(connection, request.repository, run_ids)
    for row in found.values():
        if row.session_id not in locked:
            raise DatabaseConflict(f"run {row.run_id!r} is being moved from session to session")
    return found


def _session_that_goes_on(
    connection: Connection, decisions: Sequence[Decision], found: Mapping[str, RunRow], me: SupervisorRow | None
) -> str | None:
    """Return the session of which the command becomes a part; None if it needs one of its own."""
    session_id = session_to_continue(decisions)
    if me is None:
        if session_id is not None:
            return session_id
        # What is running is not moved before it is rescued: a session for it alone would be empty, and never end.
        left = [found[one.run_id] for one in decisions if isinstance(one, Continue)]
        nothing_moves = len(left) == len(decisions) and all(row.status is RunStatus.RUNNING for row in left)
        return left[0].session_id if nothing_moves else None
    # Workers execute whatever is queued in their session: one that has other runs, too, is not ours.
    continued = [one.id for one in decisions if isinstance(one, Continue)]
    shared = session_id is not None and sessions.has_others(connection, session_id, continued)
    return None if shared else session_id


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
    check_alone(connection, databases, directory, at=at)
    worker_ids = [f"{me.id}-{number}" for number in range(1, me.desired_workers + 1)]
    supervisors.register(connection, me, worker_ids, scope, at=at)
    return worker_ids


def check_alone(connection: Connection, databases: Databases, directory: RunsDirectory, *, at: datetime) -> None:
    """Make sure that nobody else uses the same SQLite file for results.

    Raises:
        UsageError: Somebody does.
    """
    if databases.shared and databases.is_sqlite:
        others = [one for one in supervisors.everybody(connection) if may_be_alive(directory, databases, one, at=at)]
        if others:
            raise UsageError(
                f"the SQLite database is in use by {process_of(others[0])}, and several workers cannot share one",
                hint=SHARING_HINT,
            )


def _decide(
    connection: Connection, request: Request, planned: PlannedRun, row: RunRow | None, at: datetime
) -> Decision:
    if row is None:
        return decide(planned.run_id, None)
    same = row.commit_sha == planned.commit and row.spec == planned.spec.to_json()
    is_cancelled = row.cancel_requested_at is not None
    leases = 1 if same and not is_cancelled else SURE_LEASES
    holder = living_holder(connection, request.directory, request.databases, row, at=at, leases=leases)
    rests = None if is_cancelled else intents.paused(connection, [row.id]).get(row.id)
    active = ActiveRun(row.id, row.run_id, row.session_id, row.status, holder, same, rests, is_cancelled)
    return decide(planned.run_id, active)


def _refusal(refused: Sequence[Refused]) -> RunHeldError:
    named = "; ".join(_why(one) for one in refused)
    resting = list(dict.fromkeys(one.rests for one in refused if one.rests is not None))
    waiting = "wait for it to end, or stop that supervisor with Ctrl-C"
    all_rest = all(one.rests is not None for one in refused)
    hint = f"supervisor resume {' '.join(resting)}" if all_rest else waiting
    return RunHeldError(f"{named}; nothing was started", hint=hint)


def _why(refused: Refused) -> str:
    if refused.rests is not None and refused.status is RunStatus.QUEUED:
        return f"run {refused.run_id!r} is paused"
    about = "to be paused" if refused.rests is not None else ""
    said = ", ".join(word for word in (refused.holder, about) if word)
    return f"run {refused.run_id!r} is {refused.status} ({said})"


def _carry_out(
    connection: Connection, decision: Decision, planned: PlannedRun, handling: Handling, target: _Target
) -> int:
    row = target.found.get(planned.run_id)
    match decision:
        case Continue() if row is not None:
            runs.serve(connection, row, target.supervisor_id, handling, at=target.at, actor=target.actor)
            # A running one is moved when it has been rescued: its lane may be taken in the other session.
            if row.status is RunStatus.QUEUED and row.session_id != target.session_id:
                runs.move(connection, row, target.session_id, at=target.at, actor=target.actor)
                sessions.conclude(connection, row.session_id, at=target.at)
            return row.id
        case New(run_id=run_id):
            if row is not None:
                _supersede(connection, row, target)
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
        case Continue() | Refused():
            raise AssertionError("what is continued is there, and refused runs were dealt with")
        case _:
            assert_never(decision)


def _supersede(connection: Connection, row: RunRow, target: _Target) -> None:
    """End a row that a new one is made in place of: nobody else will, or has done as people wanted."""
    event, error = "superseded", "superseded"
    reason = "the run was named again with another commit or other jobs"
    if row.cancel_requested_at is not None:
        event, error = "cancelled", intents.reason(connection, row.id, Intent.CANCEL)
        reason = f"{error}; it was named again"
    runs.transition(
        connection,
        row,
        RunStatus.CANCELLED,
        at=target.at,
        actor=target.actor,
        event=event,
        values={"cancelled_at": target.at, "finished_at": target.at, "settled_at": target.at, "error": error},
        detail={"reason": reason},
    )
    sessions.conclude(connection, row.session_id, at=target.at)
