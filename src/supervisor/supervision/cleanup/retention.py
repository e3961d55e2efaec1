"""Cleaning up by itself: what has been at rest for longer than somebody wants to keep it."""

from supervisor.errors import SupervisorError
from supervisor.model.cleanup import DropTrash, Policy
from supervisor.store.engine import transaction
from supervisor.supervision.cleanup.cleaner import clean
from supervisor.supervision.cleanup.survey import Surveyor
from supervisor.supervision.workshop import Workshop


def retain(shop: Workshop) -> None:
    """Remove workspaces without work, and results, that are older than `retain_days`; say a line if there were some.

    What was saved of workspaces is never removed by itself. Whatever goes wrong is said, and nothing fails of it.
    """
    if shop.retain_days is None:
        return
    try:
        with transaction(shop.engine) as connection:
            at = shop.now(connection)
        surveyor = Surveyor(shop.repository, shop.runs_directory, shop.workspaces, shop.run_locks, shop.engine)
        done = clean(surveyor, Policy(days=shop.retain_days, artifacts=True), at, dry_run=False)
    except (SupervisorError, OSError) as error:
        shop.warn(f"cleaning up failed: {error}")
        return
    if done.removed:
        names = ", ".join(sorted({one.action.run_id for one in done.removed if not isinstance(one.action, DropTrash)}))
        shop.tell(f"removed what was older than {shop.retain_days} days of: {names}")
