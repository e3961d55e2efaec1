"""Folders of one pool in memory-backed storage and on disk, removed with it, or by the next pool if it was killed."""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "supervisor-pages-"
# A folder is locked an instant after it is made; nobody judges one that is younger than this.
_SETTLED_SECONDS = 60


class ScratchFolder:
    """A folder that only this pool uses, locked for as long as its process lives."""

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _sweep(parent: Path) -> None:
    """Remove folders whose owner was killed, with the memory they hold."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            is_young = time.time() - folder.stat().st_ctime < _SETTLED_SECONDS
        except OSError:  # removed by its owner meanwhile
            continue
        if not is_young:
            remove_unless_used(folder)


def remove_unless_used(folder: Path) -> bool:
    """Remove the folder of a pool whose process has ended; return whether it is removed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # another user's, or removed by its owner
        return not folder.exists()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(descriptor)
