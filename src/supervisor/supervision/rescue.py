"""What a supervisor that is gone left behind: its running runs are queued again, its ended ones settled."""

import sqlalchemy as sa

from supervisor.errors import SupervisorError
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.processes import end_process_group
from supervisor.model.states import RunStatus
from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs as runs_table
from supervisor.supervision.settle import settle
from supervisor.supervision.workshop import Workshop

ORPHAN_GRACE_SECONDS = 2.0
LOCK_WAIT_SECONDS = 15.0


def rescue(shop: Workshop, row: RunRow) -> None:
    """Queue a run again whose supervisor is known to be dead; the attempt stays, the next claim raises the term.

    Raises:
        LockHeldError: Its executor cannot be ended from here.
    """
    holder = shop.run_locks.holder(row.run_id)
    if (
        holder is not None
        and holder.term == row.lease_term
        and holder.is_here()
        and holder.process_group is not None
        and holder.process_group_started_at is not None
    ):
        end_process_group(holder.process_group, holder.process_group_started_at, grace_seconds=ORPHAN_GRACE_SECONDS)
    with (
        shop.run_locks.acquire(row.run_id, term=row.lease_term, timeout_seconds=LOCK_WAIT_SECONDS),
        transaction(shop.engine) as connection,
    ):
        runs.transition(
            connection,
            row,
            RunStatus.QUEUED,
            at=shop.clock.now(),
            actor=shop.me.id,
            event="rescued",
            values={"claimed_by": None, "rescue_count": runs_table.c.rescue_count + sa.literal(1)},
            detail={"from": row.claimed_by, "reason": "its supervisor is gone"},
        )
    shop.note(f"run {row.run_id}: its supervisor is gone; going on with attempt {row.attempt}")


def settle_leftovers(shop: Workshop, repository: str) -> None:
    """Settle ended runs for which nobody has done it; those whose lock is held are being settled right now."""
    with transaction(shop.engine) as connection:
        rows = runs.unsettled(connection, repository)
        executing = {row.run_id for row in rows if runs.active(connection, repository, row.run_id) is not None}
    for row in rows:
        if row.run_id in executing:
            # Its workspace and manifest are about to be those of the newer row.
            with transaction(shop.engine) as connection:
                runs.settle(connection, row.id, at=shop.clock.now())
            continue
        try:
            with (
                shop.run_locks.acquire(row.run_id, term=row.lease_term),
                WorkspaceLease(
                    shop.runs_directory.root,
                    shop.workspaces.path(row.run_id),
                    run_id=row.run_id,
                    term=row.lease_term,
                ).acquire(),
            ):
                settle(shop, row.id)
        except LockHeldError:
            continue
        except (SupervisorError, OSError) as error:
            shop.note(f"run {row.run_id}: tidying up after it failed: {error}")
