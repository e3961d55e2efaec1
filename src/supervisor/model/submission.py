"""Deciding, before anything is created, what happens to each run id that a command names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from supervisor.model.states import RunStatus


@dataclass(frozen=True)
class ActiveRun:
    """The queued or running row that a run id already has.

    Attributes:
        holder: Who executes or will execute it (`pid N on HOST`); None if nobody who could is alive.
        same_work: Whether its commit and resolved jobs are those that the command would run.
        rests: What has to be resumed before it goes on, the run or its session; None if nobody has paused it.
        is_cancelled: Whether it only waits for somebody to end it.
    """

    id: int
    run_id: str
    session_id: str
    status: RunStatus
    holder: str | None
    same_work: bool
    rests: str | None = None
    is_cancelled: bool = False


@dataclass(frozen=True)
class New:
    """Make a row; first cancel `supersedes`, a row left behind with other work, or to be cancelled anyway."""

    run_id: str
    supersedes: int | None = None


@dataclass(frozen=True)
class Continue:
    """Go on with the row that a supervisor which is gone left behind."""

    run_id: str
    id: int
    session_id: str


@dataclass(frozen=True)
class Refused:
    """Another supervisor has the run, or somebody has paused it.

    Attributes:
        holder: Who has it; None if nobody is alive who could.
        rests: What has to be resumed before it goes on; None if nobody has paused it.
    """

    run_id: str
    holder: str | None
    status: RunStatus
    rests: str | None = None


Decision = New | Continue | Refused


def decide(run_id: str, active: ActiveRun | None) -> Decision:
    """Decide about one run id."""
    if active is None:
        return New(run_id)
    if active.holder is not None or active.rests is not None:
        return Refused(run_id, active.holder, active.status, active.rests)
    if active.is_cancelled or not active.same_work:
        return New(run_id, supersedes=active.id)
    return Continue(run_id, active.id, active.session_id)


def session_to_continue(decisions: Sequence[Decision]) -> str | None:
    """Return the session that the command goes on with: the common one of all its runs, if they are all continued."""
    sessions: set[str | None] = set()
    for decision in decisions:
        match decision:
            case Continue(session_id=session_id):
                sessions.add(session_id)
            case New() | Refused():
                sessions.add(None)
            case _:
                assert_never(decision)
    return sessions.pop() if len(sessions) == 1 else None
