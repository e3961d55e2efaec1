"""Making ready what an executor needs: the workspace, the fence, the directories. Runs beside the loop, in a thread."""

import os
import time
from pathlib import Path

from supervisor.artifacts.publish import drop_staged
from supervisor.executor.spec import RunSpec
from supervisor.git.errors import CommitMissingError, GitError, UnknownRefError
from supervisor.model.lease import beat_interval
from supervisor.ocr.pages.scratch import sweep_scratch
from supervisor.store.results import AttemptKey
from supervisor.store.runs import RunRow
from supervisor.supervision.workshop import Workshop


def provision(shop: Workshop, row: RunRow) -> Path:
    """Return the run's workspace, checked out at its commit.

    What an earlier term left half-made is dropped, and from here on only this term may store results.

    Raises:
        CommitMissingError: This clone of the repository does not have the commit.
        FencedOut: The run is another's by now.
        SupervisorError: The workspace cannot be made, or the database of the run cannot be written.
    """
    begun = time.monotonic()
    directory = shop.runs_directory.run(row.run_id)
    directory.root.mkdir(parents=True, exist_ok=True)
    drop_staged(directory)
    drop_scratch(shop, row.run_id)
    store = shop.databases.open_results(row.run_id, patience_seconds=patience(shop.me.lease_seconds))
    try:
        fresh = store.take_over(AttemptKey(row.id, row.run_id, row.attempt, row.lease_term), row.owner)
    finally:
        store.close()
    if fresh:
        directory.trace.unlink(missing_ok=True)
    try:
        workspace = shop.workspaces.create(row.run_id, row.commit_sha, RunSpec.from_json(row.spec).checkout_paths())
    except GitError as error:
        try:
            shop.repository.resolve(row.commit_sha)
        except UnknownRefError:
            raise CommitMissingError(row.commit_sha) from error
        raise
    milliseconds = round((time.monotonic() - begun) * 1000)
    shop.journal.of(row).info("workspace ready", milliseconds=milliseconds, path=os.fspath(workspace))
    return workspace


def patience(lease_seconds: float) -> float:
    """Return how long work for a run waits for a database that is away: it has given up when the lease ends.

    The last beat may be some seconds older than the first failure.
    """
    return lease_seconds - 2 * beat_interval(lease_seconds)


def drop_scratch(shop: Workshop, run_id: str) -> None:
    """Remove the prepared pages that executors of a run have left behind."""
    sweep_scratch(shop.runs_directory.scratch(run_id))
    sweep_scratch(shop.runs_directory.spill(run_id))
