"""Workspace leases: who may use a workspace directory. What decides is written down in `lockfile`."""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from supervisor.locks.descriptor import PassedDescriptor
from supervisor.locks.holder import Holder
from supervisor.locks.lockfile import LockFile, LockState
from supervisor.locks.recordedlock import RecordedLock
from supervisor.locks.release import release

LEASES_DIR = ".workspace_leases"


class WorkspaceLease:
    """The right to use one workspace directory, for one run: taken, passed on to its executor, closed."""

    def __init__(self, runs_dir: Path, workspace: Path, *, run_id: str, term: int = 0) -> None:
        self.run_id = run_id
        self.term = term
        self.file = lease_file(runs_dir, workspace)
        self._lock: RecordedLock | None = None

    def acquire(self, *, timeout_seconds: float = 0.0) -> Self:
        """Take the lease; wait for it if a timeout is given.

        Raises:
            LockHeldError: The workspace is in use; names the holder.
            SurroundingsError: The directory of the leases cannot be used.
        """
        holder = Holder.this_process(self.run_id, term=self.term, workspace=self.file.name)
        self._lock = RecordedLock.acquire(self.file, holder, timeout_seconds=timeout_seconds)
        return self

    def __enter__(self) -> Self:
        return self if self._lock else self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def holder(self) -> Holder | None:
        """Return who holds the lease; None if nobody does, and if its holder's record is missing or damaged."""
        return self.file.state().holder

    def fileno(self) -> int:
        """Return the locked descriptor, which stays ours."""
        return self._held().fileno()

    def passed(self) -> PassedDescriptor:
        """Return the descriptor in the form in which it is an argument of a child process."""
        return self._held().passed()

    def note_process_group(self, pgid: int) -> None:
        """Record the executor's process group, so that a release can end it."""
        self._held().note_process_group(pgid)

    def close(self) -> bool:
        """Close our copy of the lease; return True if it is free now, False if an executor or somebody new has it."""
        lock, self._lock = self._lock, None
        return lock.close() if lock else not self.file.state().held

    def release(self, *, force: bool = False, grace_seconds: float = 5.0) -> Holder | None:
        """Make sure that nobody holds the lease; with force, by ending who does.

        Returns:
            The holder whose processes were ended, or None if nobody held the lease.

        Raises:
            LockHeldError: It is held and force was not given, or its holder is not ours to end.
        """
        return release(self.file, force=force, grace_seconds=grace_seconds)

    def _held(self) -> RecordedLock:
        if self._lock is None:
            raise ValueError("the lease is not held")
        return self._lock


def lease_file(runs_dir: Path, workspace: Path) -> LockFile:
    """Return the lock file of a workspace: the SHA-256 of its absolute path, whether or not the directory exists."""
    path = str(workspace.absolute())
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()
    return LockFile(kind="workspace", name=path, path=runs_dir.absolute() / LEASES_DIR / f"{digest}.lock")


def list_leases(runs_dir: Path) -> list[LockState]:
    """Return the state of every workspace lease there is, sorted by the workspace's path; most are held by nobody."""
    paths = (runs_dir.absolute() / LEASES_DIR).glob("*.lock")
    return sorted((LockFile("workspace", path.stem, path).state() for path in paths), key=lambda state: state.name)
