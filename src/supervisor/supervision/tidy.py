"""Looking at workspaces and removing those that nobody needs, outside any run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.git.inspection import WorkspaceState
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.supervision.place import Place


@dataclass(frozen=True)
class Worktree:
    """A workspace, and who uses it.

    Attributes:
        holder: `pid N on HOST`; None if nobody does.
    """

    workspace: WorkspaceState
    holder: str | None


@dataclass(frozen=True)
class Kept:
    """A workspace that cleaning up left alone."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Cleanup:
    """What cleaning up did."""

    removed: Sequence[Path]
    kept: Sequence[Kept]


class Caretaker:
    """Lists and removes the workspaces of one runs directory."""

    def __init__(self, repo: Path, runs_dir: Path | None, database_url: str | None = None) -> None:
        """Find the repository, its runs directory and where its runs are on record.

        Raises:
            UsageError: The directory is in no repository.
        """
        place = Place.find(repo, runs_dir, database_url)
        self._repository = place.repository
        self.runs_directory = place.runs_directory
        self._databases = place.databases
        self._has_control = place.has_control
        self._workspaces = WorkspaceManager(self._repository, self.runs_directory.root)
        self._run_locks = ExecutorLockManager(self.runs_directory.root)

    def worktrees(self) -> list[Worktree]:
        """Return the workspaces there are, with who uses them."""
        return [Worktree(state, self._holder(state)) for state in self._workspaces.inspect_all()]

    def clean(self) -> Cleanup:
        """Remove every workspace that nobody uses and that has no work in it, one by one."""
        removed: list[Path] = []
        kept: list[Kept] = []
        for state in self._workspaces.inspect_all():
            try:
                with (
                    self._run_locks.acquire(state.run_id),
                    WorkspaceLease(self.runs_directory.root, state.path, run_id=state.run_id).acquire(),
                ):
                    removal = self._workspaces.remove(state.run_id)
                    if removal.removed and not self._is_queued(state.run_id):
                        self._repository.unpin(state.run_id)
            except LockHeldError as error:
                kept.append(Kept(state.path, error.message))
                continue
            if removal.removed:
                removed.append(state.path)
            else:
                kept.append(Kept(state.path, removal.reason or "it could not be removed"))
        return Cleanup(removed, kept)

    def _is_queued(self, run_id: str) -> bool:
        """Tell whether an interrupted run waits to be continued, on the commit that is pinned for it."""
        if not self._has_control:
            return False
        engine = self._databases.open_control()
        try:
            with transaction(engine) as connection:
                return runs.is_active(connection, run_id)
        finally:
            engine.dispose()

    def _holder(self, state: WorkspaceState) -> str | None:
        lease = WorkspaceLease(self.runs_directory.root, state.path, run_id=state.run_id)
        lock = lease.file.state()
        if not lock.held:
            return None
        return lock.holder.describe() if lock.holder else "not recorded"
