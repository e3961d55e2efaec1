"""What people want of runs that are executing; whoever holds such a run sees to it, and so does who rescues it."""

from datetime import datetime
from enum import StrEnum

from supervisor.model.states import SessionStatus

DEFAULT_CANCEL_GRACE_SECONDS = 10


class Intent(StrEnum):
    """What is wanted of a running run.

    A run that is to be cancelled ends; one that is to be paused goes back to the queue, with all that it has done, and
    rests there until somebody resumes it.
    """

    CANCEL = "cancel"
    PAUSE = "pause"


def intent_of(
    *, cancel_requested_at: datetime | None, pause_requested_at: datetime | None, session: SessionStatus
) -> Intent | None:
    """Return what is wanted of a run; to cancel it goes before to pause it, and all runs of a paused session pause."""
    if cancel_requested_at is not None:
        return Intent.CANCEL
    if pause_requested_at is not None or session is SessionStatus.PAUSED:
        return Intent.PAUSE
    return None
