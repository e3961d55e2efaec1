"""Reaping an executor that has ended: cleaning up after it, and finding out what its end means for the run."""

from supervisor.errors import NoRoomError, SupervisorError
from supervisor.executor.messages import Finished, Stopped
from supervisor.git.errors import CommitMissingError
from supervisor.model.intents import Intent
from supervisor.model.states import RunStatus
from supervisor.room import lack_of_room
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.results import FencedOut
from supervisor.supervision.assignment import Assignment, Ending

MISSING_COMMIT_RETRY_SECONDS = 30
NOT_ENDED_RETRY_SECONDS = 30
GIVEN_BACK = "given back"
INTERRUPTED = Ending(RunStatus.QUEUED, "interrupted", "its supervisor was stopped")
CANCELLED = Ending(RunStatus.CANCELLED, "cancelled")
PAUSED = Ending(RunStatus.QUEUED, "paused")


def reap(assignment: Assignment, interruption: Ending | None, *, monotonic: float) -> Ending:
    """Clean up after an executor that has ended; say what follows.

    An executor that was interrupted or paused has not ended its run: the run goes back to the queue with the pages that
    it has. One that ended by itself, before it could be cancelled, has; what it says while it is being ended counts no
    more, unless it has succeeded.

    Args:
        assignment: Whose executor it is.
        interruption: What becomes of a run that has not ended, if everything is to stop.
        monotonic: Now, by the clock of its deadline.

    Raises:
        SurroundingsError: Something of it cannot be ended.
    """
    executor = assignment.executor
    if executor is None:
        raise ValueError("there is no executor to reap")
    died = executor.reap()
    match assignment.outcome:
        case Finished(status=status, error=error, transient=transient) if (
            assignment.intent is not Intent.CANCEL or status is RunStatus.SUCCEEDED
        ):
            return Ending(status, status.value, error, transient=transient)
        case Stopped(no_room=str(reason)) if assignment.intent is None:
            return out_of_room(NoRoomError(reason))
        case _ if assignment.intent is not None:
            return CANCELLED if assignment.intent is Intent.CANCEL else PAUSED
        case _ if assignment.deadline is not None and monotonic >= assignment.deadline:
            reason = f"not finished after {assignment.row.timeout_seconds} s, its timeout"
            return Ending(RunStatus.FAILED, "failed", reason, transient=True)
        case _ if interruption is not None:
            return interruption
        case _:
            reason = died or "the executor ended without saying why; see its log"
            return Ending(RunStatus.FAILED, "failed", reason, transient=True)


def out_of_room(lack: NoRoomError) -> Ending:
    """Say what follows for a run that had no room: it is no fault of its own, and it goes on where it was."""
    return Ending(RunStatus.QUEUED, "interrupted", lack.message, no_room=lack)


def not_ended(error: BaseException) -> Ending:
    """Say what follows from processes that cannot be ended: they hold the lock of the run, which waits for them."""
    return Ending(RunStatus.QUEUED, GIVEN_BACK, str(error), delay_seconds=NOT_ENDED_RETRY_SECONDS, worker_failed=True)


def trouble(error: SupervisorError | OSError | FencedOut) -> Ending:
    """Say what follows from a workspace or an executor that could not be made, or could not be ended."""
    lack = lack_of_room(error)
    if lack is not None:
        return out_of_room(lack)
    hint = f" ({error.hint})" if isinstance(error, SupervisorError) and error.hint else ""
    reason = f"{error}{hint}"
    if isinstance(error, CommitMissingError):
        return Ending(RunStatus.QUEUED, GIVEN_BACK, reason, delay_seconds=MISSING_COMMIT_RETRY_SECONDS)
    transient = isinstance(error, DatabaseUnavailable)
    return Ending(RunStatus.FAILED, "failed", reason, transient=transient, worker_failed=True)
