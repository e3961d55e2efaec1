"""The time in which a supervisor executes runs."""

import os
from collections.abc import Sequence

from supervisor.board.progress import RunProgress
from supervisor.executor.forkserver import fork_server
from supervisor.model.states import RunStatus
from supervisor.store import sessions
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.supervision.cleanup.retention import retain
from supervisor.supervision.duty import said_as_stopped
from supervisor.supervision.errand import Errand, NamedRuns
from supervisor.supervision.leftovers import Tidier, settle_leftovers
from supervisor.supervision.loop import Loop
from supervisor.supervision.planning.planner import PlannedRun
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.staff import Staff
from supervisor.supervision.submission import Submission
from supervisor.supervision.workshop import Workshop


def execute(shop: Workshop, repository: str, errand: Errand, rescuer: Rescuer, staff: Staff) -> int | None:
    """Settle what others have left, run the loop, clean up; return the number of the signal that ended it, if one did.

    Raises:
        LeaseLostError: A run was given to another supervisor, because this one was silent for too long.
    """
    with fork_server(os.environ):
        settle_leftovers(shop, repository)
        number = Loop(shop, errand, rescuer, staff, tidier=Tidier(shop, repository)).run()
    if number is None:
        retain(shop)
    return number


def execute_submission(
    shop: Workshop, repository: str, planned: Sequence[PlannedRun], submission: Submission
) -> int | None:
    """Execute the runs that a command has named, as `execute` does, and show them from the beginning."""
    scope = Scope(submission.session_id, [repository])
    progress = {
        row: shop.show(RunProgress(run.run_id, RunStatus.QUEUED, "queued", documents=len(run.spec.documents)))
        for row, run in zip(submission.rows, planned, strict=True)
    }
    rescuer, staff = Rescuer(shop, scope, submission.rows), Staff(shop, scope, submission.worker_ids)
    number = execute(shop, repository, NamedRuns(shop, progress), rescuer, staff)
    conclude(shop, submission.session_id, number)
    return number


def conclude(shop: Workshop, session_id: str, number: int | None) -> None:
    """End a session that was made for runs of others and got none: they have ended where they were, when rescued.

    Args:
        shop: Where it is.
        session_id: One of any kind; with runs that have not ended it goes on.
        number: Of the signal that ended its supervisor; None if it went on to the end.
    """
    with said_as_stopped(number), transaction(shop.engine) as connection:
        sessions.lock(connection, session_id)
        sessions.conclude(connection, session_id, at=shop.now(connection))
