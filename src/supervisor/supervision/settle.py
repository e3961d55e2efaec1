"""What follows the end of a run: manifest, workspace, pinned commit. Every step can be done again."""

import json
from collections.abc import Sequence

from supervisor.artifacts.atomic import write_atomically
from supervisor.artifacts.layout import RunDirectory
from supervisor.artifacts.publish import drop_staged, drop_term
from supervisor.board.report import manifest, report_run
from supervisor.board.spending import last_end
from supervisor.model.states import ACTIVE, RunStatus
from supervisor.store import events, runs
from supervisor.store.engine import patiently, transaction
from supervisor.store.events import Event
from supervisor.store.runs import RunRow
from supervisor.supervision.assignment import Settled
from supervisor.supervision.provision import drop_scratch
from supervisor.supervision.spending import close_trace
from supervisor.supervision.workshop import Workshop


def settle(shop: Workshop, row: RunRow) -> Settled:
    """Write the manifest of an ended run; remove its workspace, also that of one which goes back to the queue.

    Runs beside the loop, in a thread, under the run lock and the lease. A workspace that somebody worked in is kept; so
    is what a cancelled run has staged.
    """
    for attempt in patiently(shop.me.lease_seconds, unless=shop.hurry):
        with attempt, transaction(shop.engine) as connection:
            row = runs.get(connection, row.id)
            happened = events.history(connection, row.id)
    directory = shop.runs_directory.run(row.run_id)
    if row.status in ACTIVE:
        settled = withdraw(shop, row)
        _close_trace(directory, happened)
        return settled
    if row.status is not RunStatus.CANCELLED:
        drop_staged(directory)
    # Before anything is written: it makes room.
    settled = withdraw(shop, row)
    for attempt in patiently(shop.me.lease_seconds, unless=shop.hurry):
        with attempt:
            report = report_run(shop.databases, shop.runs_directory, row, happened)
    _close_trace(directory, happened)
    content = json.dumps(manifest(report, row), indent=2, ensure_ascii=False)
    write_atomically(directory.manifest, content.encode() + b"\n")
    if settled.kept is None:
        shop.repository.unpin(row.run_id)
    for attempt in patiently(shop.me.lease_seconds, unless=shop.hurry):
        with attempt, transaction(shop.engine) as connection:
            runs.settle(connection, row.id, at=shop.now(connection))
    return settled


def _close_trace(directory: RunDirectory, happened: Sequence[Event]) -> None:
    ended = last_end(happened)
    if ended is not None:
        close_trace(directory, ended)


def abandon(shop: Workshop, row: RunRow) -> Settled:
    """Remove what was done here for a run that is another's now; its results are elsewhere."""
    drop_term(shop.runs_directory.run(row.run_id), row.lease_term)
    return withdraw(shop, row)


def withdraw(shop: Workshop, row: RunRow) -> Settled:
    """Remove what a run needed here while it was executing; its results are not touched."""
    drop_scratch(shop, row.run_id)
    if shop.keep_workspaces:
        return Settled("asked for with --keep-workspaces")
    removal = shop.workspaces.remove(row.run_id)
    return Settled(removal.reason if removal.found else None)
