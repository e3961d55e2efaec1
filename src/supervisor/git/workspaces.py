"""The workspaces of runs: git worktrees below one runs directory, made sparse and removed only when nothing is lost."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from supervisor.errors import NoRoomError, SupervisorError, SurroundingsError
from supervisor.git import provisioning, registration, trash
from supervisor.git.command import Git
from supervisor.git.contents import look_at
from supervisor.git.errors import GitError, WorkspaceInUseError, argument_text
from supervisor.git.inspection import Registration, WorkspaceState, look
from supervisor.git.metadatalock import metadata_lock
from supervisor.git.repository import Repository
from supervisor.git.trash import Saved
from supervisor.room import is_full, lack_of_room


@dataclass(frozen=True)
class Removal:
    """What became of the wish to remove a workspace.

    Attributes:
        path: Where it is, or would be.
        removed: Whether there was one, and it was removed.
        reason: Why not.
        found: Whether there was one.
        saved: What it was saved as before.
    """

    path: Path
    removed: bool
    reason: str | None = None
    found: bool = True
    saved: Saved | None = None


class WorkspaceManager:
    """Makes, inspects and removes the workspaces of one repository in one runs directory.

    Takes no lease: whoever calls `create` or `remove` holds the one of that workspace. Metadata of the repository is
    changed under one lock, files are written outside it, so any number of processes may work at once.
    """

    def __init__(self, repository: Repository, runs_dir: Path) -> None:
        self._repository = repository
        # Resolved, as git writes it: paths are compared with its entries.
        self.directory = runs_dir.resolve() / "workspaces"
        self._git = Git(directory=repository.common_dir, git_dir=repository.common_dir)

    @property
    def is_there(self) -> bool:
        """Whether the directory of all workspaces is there, and no link to somewhere else."""
        return self.directory.is_dir() and not self.directory.is_symlink()

    def path(self, run_id: str) -> Path:
        """Return where the workspace of a run is, or would be."""
        return self.directory / run_id

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
            self.directory.mkdir(parents=True, exist_ok=True)
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
            full = is_full(self.directory)
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
        return look(run_id, path, entry, time.time(), common_dir=self._repository.common_dir)

    def inspect_all(self) -> list[WorkspaceState]:
        """Return the state of all workspaces in this runs directory, sorted by run id."""
        known = {
            entry.path.name
            for entry in registration.entries(self._repository.common_dir)
            if entry.path is not None and entry.path.parent == self.directory
        }
        on_disk = {path.name for path in self.directory.iterdir()} if self.directory.is_dir() else set()
        states = (self.inspect(run_id) for run_id in sorted(known | on_disk))
        return [state for state in states if state is not None]

    def remove(self, run_id: str) -> Removal:
        """Remove a run's workspace, directory and entry, if nothing is lost with it.

        Entries of other worktrees are never touched, whether or not their directories are there.
        """
        path = self.path(run_id)
        state = self.inspect(run_id)
        if state is None:
            # But perhaps an entry, of which git was killed before it wrote down where it is checked out.
            with metadata_lock(self._repository.common_dir):
                registration.remove_nameless(self._repository.common_dir, run_id)
            return Removal(path, removed=False, reason="there is none", found=False)
        if not self.is_there:
            return Removal(path, removed=False, reason=f"{self.directory} is not there; is its disk mounted?")
        if state.work:
            return Removal(path, removed=False, reason="; ".join(state.work))
        return self._remove(state, None)

    def save_and_remove(self, run_id: str, at: datetime) -> Removal:
        """Save what is in a run's workspace under `refs/supervisor/trash/`, then remove it, whatever is in it.

        Args:
            run_id: Whose workspace it is.
            at: The time, which names the ref.
        """
        path = self.path(run_id)
        state = self.inspect(run_id)
        if state is None:
            return Removal(path, removed=False, reason="there is none", found=False)
        obstacles = self.obstacles(state)
        if obstacles:
            return Removal(path, removed=False, reason="; ".join(obstacles))
        entry = registration.find(self._repository.common_dir, path)
        # Its own git directory vanishes, too: what is staged or committed meanwhile would.
        places = [path, *([entry.admin_dir] if entry is not None else [])]
        before = [look_at(place) for place in places]
        try:
            saved = trash.save(self._repository.common_dir, run_id, before[0], entry, at)
        except (GitError, OSError) as error:
            return Removal(path, removed=False, reason=f"it cannot be saved: {error}")
        if [look_at(place) for place in places] != before:
            trash.drop(self._git, saved.ref, saved.commit)
            return Removal(path, removed=False, reason="somebody changed it while it was being saved")
        try:
            return self._remove(state, saved)
        except SupervisorError as error:
            return Removal(path, removed=False, reason=f"it cannot be deleted: {error.message}", saved=saved)

    def obstacles(self, state: WorkspaceState) -> tuple[str, ...]:
        """Return why a workspace with work in it cannot be saved, a phrase each; empty if it can.

        Reads names and modes only: reading the files can still fail.
        """
        if not self.is_there:
            return (f"{self.directory} is not there; is its disk mounted?",)
        entry = registration.find(self._repository.common_dir, state.path)
        return trash.obstacles(state.run_id, state.path, entry, self._repository.common_dir)

    def _remove(self, state: WorkspaceState, saved: Saved | None) -> Removal:
        try:
            self._discard(state)
        except OSError as error:
            return Removal(state.path, removed=False, reason=f"it cannot be deleted: {error}", saved=saved)
        return Removal(state.path, removed=True, saved=saved)

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
