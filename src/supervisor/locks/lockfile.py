"""A lock file with the record of its holder beside it: who counts as holding it, and the proof that nobody does.

What decides:

- The kernel lock, wherever our kernel is the one that gave it: the same boot in any pid namespace, and an earlier boot
  of this machine, whose locks ended with it. Taking it proves that the recorded holder and all with a copy are gone.
- The record, where another machine took the lock. A network file system may give the "same" lock to both, so a record
  that its holder has not removed keeps the lock held, however old it is. `supervisor locks release --force` on that
  machine removes it; if the machine is gone for good, deleting the record does.

The record is written after the lock was taken and removed only under a lock taken anew, after the own descriptor was
closed: as long as an executor has a copy, that fails and the record stays to describe it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from supervisor.errors import HeldError
from supervisor.locks import processes
from supervisor.locks.descriptor import LockedFile, is_locked, unusable
from supervisor.locks.holder import Holder

# Whoever proves a lock free holds it for some microseconds: one refusal proves nothing.
_PROVING_SECONDS = 0.1

LockKind = Literal["run", "workspace"]


class LockHeldError(HeldError):
    """A run is executing, or a workspace is in use, elsewhere.

    Attributes:
        holder: Who is recorded, or None if nobody is.
        name: The run id, or the path of the workspace.
    """

    def __init__(self, what: str, *, name: str, holder: Holder | None, hint: str = "supervisor locks") -> None:
        super().__init__(f"{what} ({holder.describe() if holder else 'holder not recorded'})", hint=hint)
        self.name = name
        self.holder = holder


@dataclass(frozen=True, slots=True)
class LockState:
    """What can be told about one lock file.

    Attributes:
        name: The run id, or the path of the workspace (the lock file's stem while that is not recorded).
        path: The lock file.
        holder: Who is recorded, if it is held.
    """

    kind: LockKind
    name: str
    path: Path
    held: bool
    holder: Holder | None


@dataclass(frozen=True, slots=True)
class LockFile:
    """One lock file and its record, held or not.

    Attributes:
        name: The run id, or the path of the workspace.
        path: The lock file; the record is beside it.
    """

    kind: LockKind
    name: str
    path: Path

    @property
    def record_path(self) -> Path:
        """Return where the holder is recorded."""
        return self.path.with_suffix(".json")

    @property
    def _new_record_path(self) -> Path:
        return self.path.with_suffix(".json.tmp")

    def recorded(self) -> Holder | None:
        """Return the recorded holder, which need not hold it any more; None for a missing or damaged record."""
        try:
            return Holder.from_json(self.record_path.read_text(encoding="utf-8"))
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise unusable(self.record_path, error) from error

    def write_record(self, holder: Holder) -> None:
        """Replace the record; only the owner of the lock may."""
        temporary = self._new_record_path
        try:
            temporary.write_text(holder.to_json(), encoding="utf-8")
            temporary.replace(self.record_path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise unusable(self.record_path, error) from error

    def state(self) -> LockState:
        """Return whether it is held, and by whom."""
        recorded = self.recorded()
        held = is_locked(self.path) or taken_elsewhere(recorded)
        holder = recorded if held else None
        name = holder.workspace if holder and holder.workspace else self.name
        return LockState(kind=self.kind, name=name, path=self.path, held=held, holder=holder)

    def try_take(self, timeout_seconds: float = 0.0) -> LockedFile | None:
        """Take the kernel lock, or return None if it is held until the time is over. Says nothing about the record."""
        locked: LockedFile | None = None

        def is_settled() -> bool:
            nonlocal locked
            locked = LockedFile.take(self.path)
            # One that only others who ask have hold of is as good as free.
            while locked is None and not is_locked(self.path):
                locked = LockedFile.take(self.path)
            return locked is not None

        processes.wait_until(is_settled, max(timeout_seconds, _PROVING_SECONDS))
        return locked

    def clear(self) -> bool:
        """Prove that nobody holds the lock, and remove the record of who did; return False if somebody holds it."""
        locked = self.try_take()
        if locked is None:
            return False
        try:
            if taken_elsewhere(self.recorded()):
                return False
            self._new_record_path.unlink(missing_ok=True)
            self.record_path.unlink(missing_ok=True)
        except OSError as error:
            raise unusable(self.record_path, error) from error
        else:
            return True
        finally:
            locked.close()

    def held_error(self, holder: Holder | None, *, hint: str = "supervisor locks") -> LockHeldError:
        """Make the error that names what is held and by whom."""
        what = f"run {self.name!r} is executing" if self.kind == "run" else f"workspace {self.name} is in use"
        if self.kind == "workspace" and holder:
            what += f" by run {holder.run_id!r}"
        return LockHeldError(what, name=self.name, holder=holder, hint=hint)


def taken_elsewhere(recorded: Holder | None) -> bool:
    """Tell whether a record that is still there keeps the lock held, whatever our kernel says."""
    return recorded is not None and not recorded.is_under_our_kernel()
