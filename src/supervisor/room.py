"""Room on disks: how much is left, and what is said when there is none."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from supervisor.errors import NoRoomError, SurroundingsError

DEFAULT_MIN_FREE_MB = 100
LARGER_FILES = "allow larger files, with ulimit -f"
# More than whoever failed just now can have been missing, if anything is free: a page of a database, a file of git's.
_TRIED_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Room:
    """What is free on one disk for users without privileges.

    Attributes:
        device: The same for two directories on one disk.
        free_files: How many more files there can be; None where the file system sets no number.
    """

    device: int
    free_bytes: int
    free_files: int | None


def room_at(path: Path) -> Room:
    """Measure the disk on which a path lies, or would.

    Raises:
        OSError: It cannot be asked.
    """
    existing = next(one for one in (path, *path.parents) if one.exists())
    found = os.statvfs(existing)
    return Room(existing.stat().st_dev, found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def lack_of_room(error: Exception, path: Path | None = None) -> NoRoomError | None:
    """Return what an error is if a disk that is full, or a quota that is used up, has caused it; else None.

    Args:
        error: As the system or this program raised it.
        path: What was written; used where the error does not name it.
    """
    if isinstance(error, NoRoomError):
        return error
    if not isinstance(error, OSError):
        return None
    place = error.filename if isinstance(error.filename, str) else path
    match error.errno:
        case errno.ENOSPC:
            return NoRoomError(f"no room is left on the disk of {place}" if place else "no room is left on a disk")
        case errno.EDQUOT:
            return NoRoomError(f"the disk quota for {place} is used up" if place else "a disk quota is used up")
    return None


@contextlib.contextmanager
def needing_room(path: Path) -> Iterator[None]:
    """Let a block that writes to `path` fail, where it does for lack of room, with an error that says so.

    Raises:
        NoRoomError: The disk is full, or the quota used up.
        SurroundingsError: The process may not write files of that size.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise SurroundingsError(f"{path} may not become so large", hint=LARGER_FILES) from error
        lack = lack_of_room(error, path)
        if lack is None:
            raise
        raise lack from error


def is_full(directory: Path) -> bool:
    """Tell, by trying, whether a disk takes nothing more: for programs that fail without saying of what."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        return lack_of_room(error) is not None
    return False
