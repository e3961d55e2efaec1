"""Run locks: one executor per run id, whichever process starts it. What decides is written down in `lockfile`."""

from pathlib import Path

from supervisor.errors import UsageError
from supervisor.locks.holder import Holder
from supervisor.locks.lockfile import LockFile, LockState
from supervisor.locks.recordedlock import RecordedLock
from supervisor.locks.release import release

LOCKS_DIR = ".locks"


class RunLock(RecordedLock):
    """The lock of one run, held by us."""


class ExecutorLockManager:
    """The run locks of one runs directory: `.locks/{run_id}.lock`, with the holder's record in `{run_id}.json`."""

    def __init__(self, runs_dir: Path) -> None:
        self.locks_dir = runs_dir.absolute() / LOCKS_DIR

    def acquire(self, run_id: str, *, term: int = 0, timeout_seconds: float = 0.0) -> RunLock:
        """Take the lock of a run; wait for it if a timeout is given.

        Raises:
            LockHeldError: The run is executing; names the holder.
            SurroundingsError: The locks directory cannot be used.
        """
        holder = Holder.this_process(run_id, term=term)
        return RunLock.acquire(self.file(run_id), holder, timeout_seconds=timeout_seconds)

    def holder(self, run_id: str) -> Holder | None:
        """Return who holds the lock of a run; None if nobody does, and if its holder's record is missing or damaged."""
        return self.file(run_id).state().holder

    def is_held(self, run_id: str) -> bool:
        """Tell whether a run is executing somewhere."""
        return self.file(run_id).state().held

    def list(self) -> list[LockState]:
        """Return the state of every lock file there is, sorted by run id; most are held by nobody."""
        return [self.file(path.stem).state() for path in sorted(self.locks_dir.glob("*.lock"))]

    def release(self, run_id: str, *, force: bool = False, grace_seconds: float = 5.0) -> Holder | None:
        """Make sure that nobody holds the lock of a run; with force, by ending who does.

        Returns:
            The holder whose processes were ended, or None if nobody held the lock.

        Raises:
            LockHeldError: It is held and force was not given, or its holder is not ours to end.
        """
        return release(self.file(run_id), force=force, grace_seconds=grace_seconds)

    def file(self, run_id: str) -> LockFile:
        """Return the lock file of a run, whether or not it exists.

        Raises:
            UsageError: It is no run id.
        """
        if not run_id or "/" in run_id:
            raise UsageError(f"{run_id!r} is not a run id")
        return LockFile(kind="run", name=run_id, path=self.locks_dir / f"{run_id}.lock")
