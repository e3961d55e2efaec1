"""What follows the end of a run: manifest, workspace, pinned commit. Every step can be done again."""

import json

from supervisor.artifacts.atomic import write_atomically
from supervisor.board.report import manifest, report_run
from supervisor.model.states import ACTIVE
from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.supervision.assignment import Settled
from supervisor.supervision.provision import drop_scratch
from supervisor.supervision.workshop import Workshop


def settle(shop: Workshop, row_id: int) -> Settled:
    """Write the manifest of an ended run; remove its workspace, also that of one which goes back to the queue.

    Runs beside the loop, in a thread, under the run lock and the lease. A workspace that somebody worked in is kept.
    """
    with transaction(shop.engine) as connection:
        row = runs.get(connection, row_id)
    drop_scratch(shop, row.run_id)
    if row.status not in ACTIVE:
        directory = shop.runs_directory.run(row.run_id)
        content = json.dumps(manifest(report_run(shop.runs_directory, row), row), indent=2, ensure_ascii=False)
        write_atomically(directory.manifest, content.encode() + b"\n")
    kept: str | None = "asked for with --keep-workspaces" if shop.keep_workspaces else None
    if not shop.keep_workspaces and shop.workspaces.inspect(row.run_id) is not None:
        removal = shop.workspaces.remove(row.run_id)
        kept = None if removal.removed else removal.reason
    if row.status in ACTIVE:
        return Settled(kept)
    if kept is None:
        shop.repository.unpin(row.run_id)
    with transaction(shop.engine) as connection:
        runs.settle(connection, row_id, at=shop.clock.now())
    return Settled(kept)
