"""What the steps of the loop share: the repository, the directories, the databases, the clock."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.progress import RunProgress
from supervisor.clock import Clock
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.store.engine import sqlite_url
from supervisor.store.supervisors import SupervisorRow


@dataclass(frozen=True)
class Workshop:
    """Everything that a step needs beside the run that it works on.

    Attributes:
        observer: Told of every change of a run.
        note: Told, a line at a time, what else a person should know.
    """

    repository: Repository
    runs_directory: RunsDirectory
    workspaces: WorkspaceManager
    run_locks: ExecutorLockManager
    engine: Engine
    me: SupervisorRow
    clock: Clock
    ocr_workers: int
    keep_workspaces: bool
    observer: Callable[[RunProgress], None]
    note: Callable[[str], None]

    def results_url(self, run_id: str) -> str:
        """Return the URL of the database that has a run's documents and pages."""
        return sqlite_url(self.runs_directory.run(run_id).database)

    def show(self, progress: RunProgress, **changes: object) -> RunProgress:
        """Tell the observer of a change and return the new picture."""
        changed = replace(progress, **changes)  # type: ignore[arg-type]
        self.observer(changed)
        return changed
