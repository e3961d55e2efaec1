"""States of runs, sessions, workers and results, and the one table of transitions between them.

A run is born `queued`. A claim makes it `running` and raises its lease term; from there on only the holder of that
term may end it. What goes back to `queued` keeps its attempt number (interrupted, rescued, not startable), unless the
attempt has failed and is tried again. `succeeded`, `failed` and `cancelled` are final: running the same id again makes
a new row.
"""

from collections.abc import Collection
from enum import StrEnum


class RunStatus(StrEnum):
    """State of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class SessionStatus(StrEnum):
    """State of a session."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkerStatus(StrEnum):
    """State of a worker."""

    IDLE = "idle"
    BUSY = "busy"
    OFFLINE = "offline"
    ERROR = "error"


class ResultStatus(StrEnum):
    """State of a document or a page."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


ACTIVE = frozenset({RunStatus.QUEUED, RunStatus.RUNNING})

ENDED_SESSIONS = frozenset({SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.CANCELLED})

TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED}),
    RunStatus.RUNNING: frozenset({RunStatus.QUEUED, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED}),
    RunStatus.SUCCEEDED: frozenset(),
    RunStatus.FAILED: frozenset(),
    RunStatus.CANCELLED: frozenset(),
}


class TransitionError(ValueError):
    """The transition table has no such step; a defect of the caller."""


def check_transition(before: RunStatus, after: RunStatus) -> None:
    """Make sure that the table has the step.

    Raises:
        TransitionError: It has not.
    """
    if after not in TRANSITIONS[before]:
        raise TransitionError(f"a run cannot go from {before} to {after}")


def session_outcome(runs: Collection[RunStatus]) -> SessionStatus | None:
    """Return how a session with these runs has ended; None while one is queued or running."""
    if any(status in ACTIVE for status in runs):
        return None
    if RunStatus.FAILED in runs:
        return SessionStatus.FAILED
    if RunStatus.CANCELLED in runs:
        return SessionStatus.CANCELLED
    return SessionStatus.COMPLETED
