"""Claiming a run for an idle worker, and getting hold of what belongs to it."""

from collections.abc import Sequence
from datetime import timedelta

from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.runlock import RunLock
from supervisor.model.states import RunStatus
from supervisor.store import runs, supervisors
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
    try:
        lock = shop.run_locks.acquire(row.run_id, term=row.lease_term)
    except LockHeldError as error:
        _give_back(shop, row, str(error))
        return None
    workspace = shop.workspaces.path(row.run_id)
    lease = WorkspaceLease(shop.runs_directory.root, workspace, run_id=row.run_id, term=row.lease_term)
    try:
        lease.acquire()
    except LockHeldError as error:
        lock.close()
        _give_back(shop, row, str(error))
        return None
    return row, lock, lease


def _give_back(shop: Workshop, row: RunRow, reason: str) -> None:
    now = shop.clock.now()
    later = now + timedelta(seconds=HELD_RETRY_SECONDS)
    with transaction(shop.engine) as connection:
        if row.claimed_by is not None:
            supervisors.set_worker(connection, row.claimed_by, "idle", run=None, at=now)
        runs.transition(
            connection,
            row,
            RunStatus.QUEUED,
            at=now,
            actor=shop.me.id,
            event="given back",
            values={"claimed_by": None, "available_at": later},
            detail={"reason": reason},
        )
    shop.note(f"{reason}; trying again in {HELD_RETRY_SECONDS} s")
