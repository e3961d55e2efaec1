"""The workspaces of runs: git worktrees below one runs directory, made sparse and removed only when nothing is lost."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.errors import NoRoomError, SupervisorError, SurroundingsError
from supervisor.git import provisioning, registration
from supervisor.git.command import Git
from supervisor.git.errors import GitError, WorkspaceInUseError, argument_text
from supervisor.git.inspection import Registration, WorkspaceState, look
from supervisor.git.metadatalock import metadata_lock
from supervisor.git.repository import Repository
from supervisor.room import is_full, lack_of_room


@dataclass(frozen=True)
class Removal:
    """What became of the wish to remove a workspace.

    Attributes:
        path: Where it is, or would be.
        removed: Whether there was one, and it was removed.
        reason: Why not.
        found: Whether there was one.
    """

    path: Path
    removed: bool
    reason: str | None = None
    found: bool = True


class WorkspaceManager:
    """Makes, inspects and removes the workspaces of one repository in one runs directory.

    Takes no lease: whoever calls `create` or `remove` holds the one of that workspace. Metadata of the repository is
    changed under one lock, files are written outside it, so any number of processes may work at once.
    """

    def __init__(self, repository: Repository, runs_dir: Path) -> None:
        self._repository = repository
        # Resolved, as git writes it: paths are compared with its entries.
        self._directory = runs_dir.resolve() / "workspaces"
        self._git = Git(directory=repository.common_dir, git_dir=repository.common_dir)

    def path(self, run_id: str) -> Path:
        """Return where the workspace of a run is, or would be."""
        return self._directory / run_id

    def create(self, run_id: str, commit: str, paths: Sequence[bytes]) -> Path:
        """Make the workspace of a run: detached at `commit`, with `paths` alone checked out.

        One that this run left behind is replaced, unless there is work in it. Partial work is removed on failure.

        Raises:
            WorkspaceInUseError: There is work in the one that stands there.
            NoRoomError: A disk is full.
            SurroundingsError: The disk, or git, did not let us.
            MetadataHeldError: The lock for the repository's metadata did not become free.
        """
        path = self.path(run_id)
        state = self.inspect(run_id)
        if state is not None:
            if state.work:
                raise WorkspaceInUseError(argument_text(str(path)), state.work)
            self._discard(state)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with metadata_lock(self._repository.common_dir):
                registration.remove_nameless(self._repository.common_dir, run_id)
                options = ("--no-checkout", "--detach", "--lock", "--reason", registration.lock_reason(run_id))
                self._git.run("worktree", "add", *options, str(path), commit)
                entry = registration.require(self._repository.common_dir, path)
            provisioning.fill(path, entry, commit, paths)
        except OSError as error:
            self._undo(run_id, error)
            lack = lack_of_room(error, path)
            if lack is not None:
                raise lack from error
            raise SurroundingsError(f"the workspace {argument_text(str(path))} cannot be made: {error}") from error
        except GitError as error:
            # Before anything is removed: git itself was started elsewhere, and could not tell.
            full = is_full(self._directory)
            self._undo(run_id, error)
            if full:
                raise NoRoomError(f"no room is left on the disk of {argument_text(str(path))}") from error
            raise
        except BaseException as error:
            self._undo(run_id, error)
            raise
        return path

    def inspect(self, run_id: str) -> WorkspaceState | None:
        """Return the state of a run's workspace, None if neither disk nor repository has one."""
        path = self.path(run_id)
        entry = registration.find(self._repository.common_dir, path)
        if entry is None and not os.path.lexists(path):
            return None
        return look(run_id, path, entry, time.time())

    def inspect_all(self) -> list[WorkspaceState]:
        """Return the state of all workspaces in this runs directory, sorted by run id."""
        known = {
            entry.path.name
            for entry in registration.entries(self._repository.common_dir)
            if entry.path is not None and entry.path.parent == self._directory
        }
        on_disk = {path.name for path in self._directory.iterdir()} if self._directory.is_dir() else set()
        states = (self.inspect(run_id) for run_id in sorted(known | on_disk))
        return [state for state in states if state is not None]

    def remove(self, run_id: str) -> Removal:
        """Remove a run's workspace, directory and entry, if nothing is lost with it.

        Entries of other worktrees are never touched, whether or not their directories are there.
        """
        path = self.path(run_id)
        state = self.inspect(run_id)
        if state is None:
            return Removal(path, removed=False, reason="there is none", found=False)
        if not self._directory.is_dir():
            return Removal(path, removed=False, reason=f"{self._directory} is not there; is its disk mounted?")
        if state.work:
            return Removal(path, removed=False, reason="; ".join(state.work))
        try:
            self._discard(state)
        except OSError as error:
            return Removal(path, removed=False, reason=f"it cannot be deleted: {error}")
        return Removal(path, removed=True)

    def _discard(self, state: WorkspaceState) -> None:
        """Remove a workspace that was found to be without work.

        The directory goes first: git refuses one that is damaged, and would delete it under the lock.
        """
        if state.registration is not Registration.MISSING:
            shutil.rmtree(state.path)
        if state.registration is not Registration.FOREIGN:
            with metadata_lock(self._repository.common_dir):
                # Forced twice, because we have locked it.
                self._git.run("worktree", "remove", "--force", "--force", str(state.path))

    def _undo(self, run_id: str, error: BaseException) -> None:
        """Remove what was made of a workspace before `error`, and nothing that we did not make."""
        path = argument_text(str(self.path(run_id)))
        try:
            with metadata_lock(self._repository.common_dir):
                registration.remove_nameless(self._repository.common_dir, run_id)
            state = self.inspect(run_id)
            if state is not None and not state.work:
                self._discard(state)
            elif state is not None:
                error.add_note(f"{path} was kept: {'; '.join(state.work)}")
        except (SupervisorError, OSError) as second:
            error.add_note(f"what was made of {path} is still there: {second}")
