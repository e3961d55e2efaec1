"""Settling ended runs for which nobody has done it: their supervisor was killed in between, or works elsewhere."""

from concurrent.futures import Future

from supervisor.errors import SupervisorError
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.machine import this_machine
from supervisor.model.liveness import Nearness, nearness
from supervisor.store import runs, supervisors
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.supervisors import Heard
from supervisor.supervision.aside import Aside
from supervisor.supervision.cleanup.retention import retain
from supervisor.supervision.settle import settle
from supervisor.supervision.sweeping import sweep
from supervisor.supervision.workshop import Workshop

TIDY_SECONDS = 60.0
RETENTION_SECONDS = 3600.0


class Tidier:
    """Settles leftovers of a repository from time to time, and removes what is too old, beside the loop."""

    def __init__(self, shop: Workshop, repository: str) -> None:
        self._shop = shop
        self._repository = repository
        self._tidying: Future[None] | None = None
        self._tidied_at = self._cleaned_at = shop.clock.monotonic()

    def look(self, aside: Aside) -> None:
        """Begin to settle, beside the loop, if it is time; what could not be settled is, the next time."""
        if self._tidying is not None and self._tidying.done():
            error = self._tidying.exception()
            if error is not None and not isinstance(error, DatabaseUnavailable):
                raise error
            self._tidying = None
        now = self._shop.clock.monotonic()
        if self._tidying is None and now - self._tidied_at >= TIDY_SECONDS:
            self._tidied_at = now
            self._tidying = aside.begin(self._tidy, now)

    def _tidy(self, now: float) -> None:
        settle_leftovers(self._shop, self._repository)
        # Who works for weeks has no end after which it could be done.
        if now - self._cleaned_at >= RETENTION_SECONDS:
            self._cleaned_at = now
            retain(self._shop)


def settle_leftovers(shop: Workshop, repository: str) -> None:
    """Settle what was executed in this runs directory, and sweep up; whose lock is held is being settled right now."""
    try:
        sweep(shop.runs_directory)
    except (SupervisorError, OSError) as error:
        shop.warn(f"removing what killed processes have left failed: {error}")
    with transaction(shop.engine) as connection:
        rows = runs.unsettled(connection, repository)
        rows = [row for row in rows if _was_here(shop, supervisors.of_worker(connection, row.claimed_by))]
        executing = {row.run_id for row in rows if runs.active(connection, repository, row.run_id) is not None}
    for row in rows:
        if row.run_id in executing:
            # Its workspace and manifest are about to be those of the newer row.
            with transaction(shop.engine) as connection:
                runs.settle(connection, row.id, at=shop.now(connection))
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
                settle(shop, row)
        except LockHeldError:
            continue
        except (SupervisorError, OSError) as error:
            shop.warn(f"tidying up after it failed: {error}", of=row)
    _unpin_what_ended_elsewhere(shop, repository)


def _unpin_what_ended_elsewhere(shop: Workshop, repository: str) -> None:
    with transaction(shop.engine) as connection:
        # Others are on record in another database, which may need their commits.
        known = set(runs.run_ids(connection, repository))
        ended = [run_id for run_id in shop.repository.pinned() if run_id in known]
        ended = [run_id for run_id in ended if not runs.is_active(connection, run_id)]
    for run_id in ended:
        if shop.workspaces.inspect(run_id) is None:
            shop.repository.unpin(run_id)


def _was_here(shop: Workshop, executed_by: Heard | None) -> bool:
    """Tell whether a run's workspace and files are in our runs directory."""
    if not shop.databases.shared:
        return True
    return (
        executed_by is not None
        and executed_by.supervisor.runs_directory == shop.me.runs_directory
        and nearness(executed_by.supervisor, this_machine()) in {Nearness.PIDS, Nearness.MACHINE}
    )
