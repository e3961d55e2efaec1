"""Starting an executor in a workspace that is ready."""

import os
from pathlib import Path

from supervisor.artifacts.layout import machine_state
from supervisor.executor.child import Executor
from supervisor.executor.messages import Start
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.provision import patience
from supervisor.supervision.workshop import Workshop


def start(shop: Workshop, assignment: Assignment, workspace: Path) -> Executor:
    """Start the executor of an assignment; it gets copies of run lock and lease.

    Raises:
        SurroundingsError: The system cannot start another process.
    """
    row = assignment.row
    directory = shop.runs_directory.run(row.run_id)
    message = Start(
        run=row.id,
        run_id=row.run_id,
        attempt=row.attempt,
        lease_term=row.lease_term,
        database_url=shop.databases.results_url(row.run_id),
        database_is_shared=shop.databases.shared,
        patience_seconds=patience(shop.me.lease_seconds),
        workspace=str(workspace),
        artifacts=str(directory.root),
        scratch=str(shop.runs_directory.scratch(row.run_id)),
        spill=str(shop.runs_directory.spill(row.run_id)),
        lfs_objects_dir=str(shop.repository.lfs_objects_dir),
        ocr_workers=shop.ocr_workers,
        state_dir=os.fspath(state) if (state := machine_state()) else None,
        cache_directory=os.fspath(shop.cache.directory) if shop.cache else None,
        cache_limit_bytes=shop.cache.limit_bytes if shop.cache else 0,
        min_free_bytes=shop.min_free_bytes,
        repository=row.repository,
        worker=assignment.worker_id,
        spec=row.spec,
    )
    return Executor(message, run_lock=assignment.lock.fileno(), lease=assignment.lease.fileno(), log=directory.log)
