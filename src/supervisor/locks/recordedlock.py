"""A lock that this process took: the locked descriptor, and the record that it keeps while it holds it."""

from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from supervisor.locks import processes
from supervisor.locks.descriptor import LockedFile, PassedDescriptor
from supervisor.locks.holder import Holder
from supervisor.locks.lockfile import LockFile, taken_elsewhere


class RecordedLock:
    """A lock file that we hold, with us in its record. Closed on leaving a `with` block."""

    def __init__(self, file: LockFile, locked: LockedFile, holder: Holder) -> None:
        self.file = file
        self.holder = holder
        self._locked = locked

    @classmethod
    def acquire(cls, file: LockFile, holder: Holder, *, timeout_seconds: float) -> Self:
        """Take a lock and record its holder.

        Raises:
            LockHeldError: Somebody else holds it, and still does when the time is over.
            SurroundingsError: The lock file or its record cannot be written.
        """
        locked = file.try_take(timeout_seconds)
        if locked is None:
            raise file.held_error(file.recorded())
        with ExitStack() as undo:
            undo.callback(locked.close)
            recorded = file.recorded()
            if taken_elsewhere(recorded):
                raise file.held_error(recorded)
            file.write_record(holder)
            undo.pop_all()
        return cls(file, locked, holder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the locked descriptor, which stays ours."""
        return self._locked.fileno()

    def passed(self) -> PassedDescriptor:
        """Return the descriptor in the form in which it is an argument of a child process."""
        return PassedDescriptor(self.fileno())

    def note_process_group(self, pgid: int) -> None:
        """Record the executor's process group, so that a release can end it. Does nothing if it has ended already."""
        start = processes.started_at(pgid)
        if start is not None:
            self.holder = replace(self.holder, process_group=pgid, process_group_started_at=start)
            self.file.write_record(self.holder)

    def close(self) -> bool:
        """Close our copy of the descriptor, and remove the record if nobody has another one.

        Returns:
            True if the lock was proved free; False if an executor still has it, or somebody new.
        """
        self._locked.close()
        return self.file.clear()
