"""Ending an attempt in the database, and publishing its results with it."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Connection

from supervisor.artifacts.publish import publish_output
from supervisor.board.progress import counted, shown_pages
from supervisor.errors import NoRoomError
from supervisor.model.intents import Intent
from supervisor.model.retry import backoff_seconds, is_retried
from supervisor.model.states import RunStatus, WorkerStatus
from supervisor.store import intents, progress, runs, sessions, supervisors
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseError
from supervisor.store.runs import RunRow
from supervisor.supervision.assignment import Assignment, Ending
from supervisor.supervision.keeper import counts_of
from supervisor.supervision.reap import CANCELLED, PAUSED
from supervisor.supervision.spending import spent_by
from supervisor.supervision.workshop import Workshop

_PUBLISHED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED})
# What is no trouble, and was to be expected.
_UNREMARKABLE = frozenset({"interrupted", "paused"})


def end(shop: Workshop, assignment: Assignment, ending: Ending) -> bool:
    """Publish what an attempt staged and end its run, the session with it if it was the last one; or queue it again.

    What would be queued again, and is to be cancelled, is; of a cancelled run nothing is published. All of it in one
    transaction, in which nobody else can take the run: who has lost it publishes nothing, and changes nothing but the
    state of its own worker.

    Returns:
        Whether the run was ours to change.

    Raises:
        DatabaseUnavailable: Try again; nothing was changed, or all of it.
        NoRoomError: A disk is full; nothing was changed.
    """
    row = assignment.row
    if ending.status is RunStatus.FAILED and is_retried(
        transient=ending.transient, retry_count=row.retry_count, max_retries=row.max_retries
    ):
        delay = backoff_seconds(row.retry_count + 1, random.random())  # noqa: S311 (it spreads load, it hides nothing)
        ending = replace(ending, status=RunStatus.QUEUED, event="retrying", delay_seconds=delay)
    if ending.status in _PUBLISHED:
        ending = _bring_together(shop, row, ending)
    with transaction(shop.engine) as connection:
        sessions.lock(connection, row.session_id)
        held = runs.hold(connection, row)
        if held:
            ending = _publish(shop, row, ending) if ending.status in _PUBLISHED else as_asked(connection, row, ending)
            if ending.status is RunStatus.CANCELLED:
                # If the answer to this transaction is lost, the next try has to know what was recorded.
                assignment.ending = ending
        now = shop.now(connection)
        if held:
            # How far it came stands until it is claimed anew.
            progress.keep(connection, row.id, row.lease_term, ending.event, counts_of(assignment.progress), at=now)
        ended = runs.transition(
            connection,
            row,
            ending.status,
            at=now,
            actor=shop.me.id,
            event=ending.event,
            values=new_values(row, ending, now),
            detail={
                "reason": ending.reason or _achievement(assignment),
                "resources": spent_by(assignment, now).to_json(),
            },
        )
        sessions.conclude(connection, row.session_id, at=now)
        status = WorkerStatus.ERROR if ending.worker_failed else WorkerStatus.IDLE
        supervisors.set_worker(connection, assignment.worker_id, status, run=None, at=now)
    if ended:
        _tell(shop, assignment, ending)
        assignment.progress = shop.show(
            assignment.progress,
            status=ending.status,
            stage=ending.event,
            error=None if ending.event in _UNREMARKABLE else ending.reason,
        )
    return ended


def _tell(shop: Workshop, assignment: Assignment, ending: Ending) -> None:
    row, log = assignment.row, shop.journal.of(assignment.row)
    match ending.event:
        case "succeeded":
            log.info("run succeeded", result=_achievement(assignment))
        case "retrying":
            log.warning("attempt failed", reason=ending.reason, retry_in_seconds=round(ending.delay_seconds, 1))
        case "given back":
            shop.warn(f"{ending.reason}; trying again in {ending.delay_seconds:.0f} s", of=row)
        case _ if ending.status is RunStatus.FAILED:
            log.error("run failed", reason=ending.reason, result=_achievement(assignment))
        case event:
            log.info(f"run {event}", reason=ending.reason)


def new_values(row: RunRow, ending: Ending, now: datetime) -> dict[str, Any]:
    """Return what changes in the row beside its state."""
    if ending.status is RunStatus.CANCELLED:
        return {"error": ending.reason, "finished_at": now, "cancelled_at": now}
    if ending.status is not RunStatus.QUEUED:
        return {"error": ending.reason, "finished_at": now}
    later: dict[str, Any] = {"claimed_by": None, "available_at": now + timedelta(seconds=ending.delay_seconds)}
    if ending.event == "retrying":
        later |= {"attempt": row.attempt + 1, "retry_count": row.retry_count + 1, "error": ending.reason}
    return later


def as_asked(connection: Connection, row: RunRow, ending: Ending) -> Ending:
    """Say who asked for it if a run, which the caller holds, is cancelled or paused.

    Nothing that is to be cancelled goes back to the queue.
    """
    intent = intents.wanted(connection, [row.id]).get(row.id)
    if intent is Intent.CANCEL:
        return replace(CANCELLED, reason=intents.reason(connection, row.id, intent))
    if ending.event == PAUSED.event:
        resumed = "paused, and resumed before it had stopped"
        return replace(ending, reason=intents.reason(connection, row.id, intent) if intent else resumed)
    return ending


def _bring_together(shop: Workshop, row: RunRow, ending: Ending) -> Ending:
    """Make the file of a run that has a database for itself complete before the run is called ended."""
    if not shop.databases.has_results(row.run_id):
        return ending
    try:
        shop.databases.checkpoint(row.run_id)
    except NoRoomError:
        raise
    except DatabaseError as trouble:
        return _unpublished(ending, trouble)
    return ending


def _publish(shop: Workshop, row: RunRow, ending: Ending) -> Ending:
    try:
        publish_output(shop.runs_directory.run(row.run_id), row.lease_term)
    except OSError as trouble:
        return _unpublished(ending, trouble)
    return ending


def _unpublished(ending: Ending, trouble: Exception) -> Ending:
    return Ending(RunStatus.FAILED, "failed", ending.reason or f"the results cannot be published: {trouble}")


def _achievement(assignment: Assignment) -> str:
    reached = assignment.progress
    pages = shown_pages(sum(reached.pages_done.values()), reached.pages_done, reached.because)
    return f"{counted(reached.documents_done, 'document')}, {pages}"
