"""Looking at workspaces and removing those that nobody needs, outside any run."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from supervisor.clock import Clock, SystemClock
from supervisor.git.inspection import WorkspaceState
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.cleanup import Policy
from supervisor.store.engine import transaction
from supervisor.store.moments import database_now
from supervisor.supervision.cleanup.cleaner import Cleanup, clean
from supervisor.supervision.cleanup.survey import Surveyor
from supervisor.supervision.opening import check_runs_directory
from supervisor.supervision.place import Place

EVERYTHING_AT_REST = Policy()


@dataclass(frozen=True)
class Worktree:
    """A workspace, and who uses it.

    Attributes:
        holder: `pid N on HOST`; None if nobody does.
    """

    workspace: WorkspaceState
    holder: str | None


class Caretaker:
    """Lists and removes the workspaces of one runs directory."""

    def __init__(
        self,
        repo: Path,
        runs_dir: Path | None,
        database_url: str | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        """Find the repository, its runs directory and where its runs are on record.

        Raises:
            UsageError: The directory is in no repository.
        """
        place = Place.find(repo, runs_dir, database_url)
        self.repository = place.repository
        self.runs_directory = place.runs_directory
        self._databases = place.databases
        self._has_control = place.has_control
        self._workspaces = WorkspaceManager(self.repository, self.runs_directory.root)
        self._run_locks = ExecutorLockManager(self.runs_directory.root)
        self._clock = clock or SystemClock()

    def worktrees(self) -> list[Worktree]:
        """Return the workspaces there are, with who uses them."""
        return [Worktree(state, self._holder(state)) for state in self._workspaces.inspect_all()]

    def clean(self, policy: Policy = EVERYTHING_AT_REST, *, dry_run: bool = False) -> Cleanup:
        """Remove what nobody uses and a policy names, one by one; what has work in it is kept, or saved first.

        Args:
            policy: What is wanted.
            dry_run: Only tell what would be done.

        Raises:
            UsageError: The runs directory is none that runs would use: a link, or with committed files in it.
            DatabaseError: It cannot be told which runs are active.
        """
        check_runs_directory(self.repository, self.runs_directory)
        engine = self._databases.open_control() if self._has_control else None
        try:
            surveyor = Surveyor(self.repository, self.runs_directory, self._workspaces, self._run_locks, engine)
            return clean(surveyor, policy, self._now(engine), dry_run=dry_run)
        finally:
            if engine is not None:
                engine.dispose()

    def _now(self, engine: Engine | None) -> datetime:
        """Return the time by the clock that the ends of runs are on record by."""
        if engine is None:
            return self._clock.now()
        with transaction(engine) as connection:
            return database_now(connection, self._clock)

    def _holder(self, state: WorkspaceState) -> str | None:
        lease = WorkspaceLease(self.runs_directory.root, state.path, run_id=state.run_id)
        lock = lease.file.state()
        if not lock.held:
            return None
        return lock.holder.describe() if lock.holder else "not recorded"
