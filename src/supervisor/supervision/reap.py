"""Ending a run: its executor is gone, its results are published, its row is changed."""

from supervisor.artifacts.publish import publish_output
from supervisor.errors import SupervisorError
from supervisor.executor.messages import Finished
from supervisor.model.states import RunStatus
from supervisor.store import runs, sessions, supervisors
from supervisor.store.engine import transaction
from supervisor.store.results import ResultStore
from supervisor.store.runs import RunRow
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.workshop import Workshop


def reap(shop: Workshop, assignment: Assignment, *, interrupted: bool) -> None:
    """Clean up after an executor that has ended, publish what it staged and end the run.

    An executor that was interrupted has not ended its run: the run goes back to the queue with the pages that it has.
    """
    executor = assignment.executor
    if executor is None:
        raise ValueError("there is no executor to reap")
    died = executor.reap()
    match assignment.outcome:
        case Finished(status=status, error=error):
            end(shop, assignment, status, error)
        case _ if interrupted:
            requeue(shop, assignment, "interrupted")
        case _:
            end(shop, assignment, RunStatus.FAILED, died or "the executor ended without saying why; see its log")


def end(shop: Workshop, assignment: Assignment, status: RunStatus, error: str | None) -> None:
    """Publish, then end the run as `status`, its session with it if this was the last one."""
    row, now = assignment.row, shop.clock.now()
    try:
        _publish(shop, row)
    except (SupervisorError, OSError) as trouble:
        status, error = RunStatus.FAILED, error or f"the results cannot be published: {trouble}"
    values = {"error": error, "finished_at": now}
    with transaction(shop.engine) as connection:
        ended = runs.transition(
            connection,
            row,
            status,
            at=now,
            actor=shop.me.id,
            event=status.value,
            values=values,
            detail={"error": error},
        )
        if ended:
            sessions.conclude(connection, row.session_id, at=now)
        supervisors.set_worker(connection, assignment.worker_id, "idle", run=None, at=now)
    assignment.progress = shop.show(assignment.progress, status=status, stage=status.value, error=error)


def _publish(shop: Workshop, row: RunRow) -> None:
    directory = shop.runs_directory.run(row.run_id)
    if directory.database.exists():
        store = ResultStore(shop.results_url(row.run_id))
        try:
            store.checkpoint()
        finally:
            store.close()
    publish_output(directory, row.lease_term)


def requeue(shop: Workshop, assignment: Assignment, reason: str) -> None:
    """Put the run back into the queue with its attempt number and the pages that it has."""
    row, now = assignment.row, shop.clock.now()
    with transaction(shop.engine) as connection:
        runs.transition(
            connection, row, RunStatus.QUEUED, at=now, actor=shop.me.id, event=reason, values={"claimed_by": None}
        )
        supervisors.set_worker(connection, assignment.worker_id, "idle", run=None, at=now)
    assignment.progress = shop.show(assignment.progress, status=RunStatus.QUEUED, stage=reason)


def end_in_trouble(shop: Workshop, assignment: Assignment, error: SupervisorError | OSError) -> None:
    """Fail a run whose workspace or executor could not be made, or whose executor could not be ended."""
    hint = f" ({error.hint})" if isinstance(error, SupervisorError) and error.hint else ""
    end(shop, assignment, RunStatus.FAILED, f"{error}{hint}")
