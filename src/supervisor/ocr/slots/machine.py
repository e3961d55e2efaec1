"""The budget of this machine: one directory for all users, wherever that is safe."""

import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from supervisor.errors import SurroundingsError, UsageError
from supervisor.ocr.slots.budget import SlotBudget
from supervisor.ocr.slots.capacity import measure_capacity

DIRECTORY_VARIABLE = "SUPERVISOR_SLOTS_DIR"
# Everybody may write there, nobody removes what is another's, and it is never on a network. The first is made for lock
# files, where it is open to all; of the second, some systems remove what a user has there when he logs out.
_OPEN_TO_ALL = (Path("/run/lock"), Path("/dev/shm"), Path("/tmp"))  # noqa: S108 (see _usable)
_NAME = "supervisor-slots"
_STICKY = 0o1777


@dataclass(frozen=True)
class SlotsDirectory:
    """Where the files of the slots are.

    Attributes:
        why_not_shared: Why other users have slots of their own; None if they share these, or if it was chosen.
    """

    path: Path
    why_not_shared: str | None = None


def slots_directory(environment: Mapping[str, str], *, open_to_all: tuple[Path, ...] = _OPEN_TO_ALL) -> SlotsDirectory:
    """Return the directory of the slots of this machine, and make it.

    Args:
        environment: For SUPERVISOR_SLOTS_DIR, in place of the directory that users share.
        open_to_all: Directories of which the first that is open to all users is taken.

    Raises:
        UsageError: The variable holds a relative path.
        SurroundingsError: None can be made.
    """
    chosen = environment.get(DIRECTORY_VARIABLE)
    if chosen:
        if not Path(chosen).is_absolute():
            raise UsageError(f"{DIRECTORY_VARIABLE}: {chosen} is not an absolute path")
        return SlotsDirectory(_make(Path(chosen)))
    parent = next((path for path in open_to_all if _is_open_to_all(path) and os.access(path, os.W_OK)), None)
    if parent is None:
        raise SurroundingsError(
            f"none of {', '.join(map(str, open_to_all))} is open to all users",
            hint=f"name a directory for the slots in {DIRECTORY_VARIABLE}",
        )
    shared = parent / _NAME
    if not os.path.lexists(shared):
        _make_open_to_all(shared)
    if _is_open_to_all(shared):
        return SlotsDirectory(shared)
    own = _make(parent / f"{_NAME}-{os.getuid()}", mode=0o700)
    found = own.lstat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise SurroundingsError(
            f"neither {shared} nor {own} is safe to use: another user made them",
            hint=f"remove them, or name another directory in {DIRECTORY_VARIABLE}",
        )
    return SlotsDirectory(own, f"{shared} is not a directory that is open to all users")


def machine_budget(environment: Mapping[str, str]) -> SlotBudget:
    """Return the budget that all executors on this machine share.

    Raises:
        UsageError: SUPERVISOR_OCR_SLOTS or SUPERVISOR_SLOTS_DIR cannot be used.
        SurroundingsError: There is no place for the files of the slots.
    """
    capacity = measure_capacity(environment)
    make = partial(make_directory, environment.get(DIRECTORY_VARIABLE, ""))
    return SlotBudget(make(), slots=capacity.slots, memory_bytes=capacity.memory_for_pages, make=make)


def make_directory(chosen: str) -> Path:
    """Make the directory of the slots, as `slots_directory` does; page processes are handed this function.

    Args:
        chosen: What SUPERVISOR_SLOTS_DIR says; empty for nothing.
    """
    return slots_directory({DIRECTORY_VARIABLE: chosen}).path


def _is_open_to_all(path: Path) -> bool:
    """Tell whether everybody may make files in a directory, and nobody may remove those of others but its owner."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and stat.S_IMODE(mode) == _STICKY


def _make_open_to_all(path: Path) -> None:
    """Make it at one stroke: nobody sees it with other permissions, and of two that make it one does nothing."""
    try:
        made = Path(tempfile.mkdtemp(prefix=f"{_NAME}-", dir=path.parent))
        made.chmod(_STICKY)
    except OSError as error:
        raise _cannot_make(path, error) from error
    try:
        made.rename(path)
    except OSError:
        made.rmdir()


def _make(path: Path, mode: int = 0o777) -> Path:
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_make(path, error) from error
    return path


def _cannot_make(path: Path, error: OSError) -> SurroundingsError:
    return SurroundingsError(
        f"cannot make {path}: {error.strerror}", hint=f"name another directory in {DIRECTORY_VARIABLE}"
    )
