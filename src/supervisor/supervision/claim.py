"""Claiming a run for an idle worker, and getting hold of what belongs to it."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta

from supervisor.errors import SupervisorError
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.runlock import RunLock
from supervisor.model.states import RunStatus
from supervisor.store import runs, sessions, supervisors
from supervisor.store.engine import transaction
from supervisor.store.runs import RunRow
from supervisor.supervision.workshop import Workshop

HELD_RETRY_SECONDS = 5


def claim(shop: Workshop, worker_id: str, rows: Sequence[int]) -> tuple[RunRow, RunLock, WorkspaceLease] | None:
    """Claim the first of these runs that is queued and due; None if there is none, or if its locks are held.

    A run whose locks are held goes back to the queue for some seconds; that costs no attempt.
    """
    now = shop.clock.now()
    with transaction(shop.engine) as connection:
        row = runs.claim(connection, worker_id, rows, at=now)
        if row is None:
            return None
        supervisors.set_worker(connection, worker_id, "busy", run=row.id, at=now)
    with ExitStack() as undo:
        try:
            lock = shop.run_locks.acquire(row.run_id, term=row.lease_term)
            undo.callback(lock.close)
            workspace = shop.workspaces.path(row.run_id)
            lease = WorkspaceLease(shop.runs_directory.root, workspace, run_id=row.run_id, term=row.lease_term)
            lease.acquire()
        except LockHeldError as error:
            _give_back(shop, row, str(error))
            return None
        except SupervisorError as error:
            _fail(shop, row, str(error))
            return None
        undo.pop_all()
    return row, lock, lease


def _fail(shop: Workshop, row: RunRow, reason: str) -> None:
    """End a run whose locks can never be had; the others go on."""
    values = {"error": reason, "finished_at": shop.clock.now()}
    _put_down(shop, row, RunStatus.FAILED, "failed", reason, values)
    shop.note(f"run {row.run_id}: {reason}")


def _give_back(shop: Workshop, row: RunRow, reason: str) -> None:
    later = shop.clock.now() + timedelta(seconds=HELD_RETRY_SECONDS)
    _put_down(shop, row, RunStatus.QUEUED, "given back", reason, {"claimed_by": None, "available_at": later})
    shop.note(f"{reason}; trying again in {HELD_RETRY_SECONDS} s")


def _put_down(  # noqa: PLR0917 (what happens to the run, in the order of its event)
    shop: Workshop, row: RunRow, to_status: RunStatus, event: str, reason: str, values: Mapping[str, object]
) -> None:
    """Take a claimed run from its worker again, before anything was done for it."""
    now = shop.clock.now()
    with transaction(shop.engine) as connection:
        if row.claimed_by is not None:
            supervisors.set_worker(connection, row.claimed_by, "idle", run=None, at=now)
        runs.transition(
            connection,
            row,
            to_status,
            at=now,
            actor=shop.me.id,
            event=event,
            values=values,
            detail={"reason": reason},
        )
        sessions.conclude(connection, row.session_id, at=now)
