"""What the steps of the loop share: the repository, the directories, the databases, the clock."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection, Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.progress import RunProgress
from supervisor.clock import Clock
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.store.databases import Databases
from supervisor.store.moments import database_now
from supervisor.store.supervisors import SupervisorRow
from supervisor.supervision.journal import Journal, OfRun

if TYPE_CHECKING:
    from supervisor.logs.loggers import Log


@dataclass(frozen=True)
class CacheSetting:
    """Where recognised pages are kept for everybody, and how much may be."""

    directory: Path
    limit_bytes: int


@dataclass(frozen=True)
class Workshop:
    """Everything that a step needs beside the run that it works on.

    Attributes:
        engine: Of the control database.
        cancel_grace_seconds: How long what a cancelled run has started may take to end by itself.
        min_free_bytes: With how much room on a disk the work stops; 0 if nobody looks.
        observer: Told of every change of a run.
        note: Told, a line at a time, what else a person should know.
        journal: Told of all that is done.
        retain_days: How long what is at rest is kept; None for as long as nobody removes it.
        hurry: Set when somebody has asked twice to stop: nothing is waited for any more.
    """

    repository: Repository
    runs_directory: RunsDirectory
    workspaces: WorkspaceManager
    run_locks: ExecutorLockManager
    databases: Databases
    engine: Engine
    me: SupervisorRow
    clock: Clock
    ocr_workers: int
    cancel_grace_seconds: int
    cache: CacheSetting | None
    min_free_bytes: int
    keep_workspaces: bool
    observer: Callable[[RunProgress], None]
    note: Callable[[str], None]
    journal: Journal
    retain_days: int | None = None
    hurry: threading.Event = field(default_factory=threading.Event)

    def now(self, connection: Connection) -> datetime:
        """Return the time by the clock that leases are judged by."""
        return database_now(connection, self.clock)

    def tell(self, line: str, *, of: OfRun | None = None) -> None:
        """Tell the log something, and a person; `of` is the run that it is about, if it is about one."""
        self._log(of).info(line)
        self._note(line, of)

    def warn(self, line: str, *, of: OfRun | None = None) -> None:
        """Do the same with what is not as it should be."""
        self._log(of).warning(line)
        self._note(line, of)

    def show(self, progress: RunProgress, **changes: object) -> RunProgress:
        """Tell the observer of a change and return the new picture."""
        changed = replace(progress, **changes)  # type: ignore[arg-type]  # fields by name
        self.observer(changed)
        return changed

    def _log(self, of: OfRun | None) -> "Log":
        return self.journal.log if of is None else self.journal.of(of)

    def _note(self, line: str, of: OfRun | None) -> None:
        # Who watches the log has just seen it.
        if not self.journal.is_watched:
            self.note(line if of is None else f"run {of.run_id}: {line}")
