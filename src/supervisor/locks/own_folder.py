"""Folders that are a process's own: removed by it, or by whoever comes next, if it was killed.

The kernel lock of the folder says whether its owner lives, however long that has been there or silent. Removing takes
the lock as well, and an owner that has just made its folder looks whether it is still there: so it does not matter that
making and locking are two steps.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_TEMPORARY = "supervisor-tmp-"
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OwnFolder:
    """A folder that nobody else uses, locked for as long as this process lives; a context manager that removes it."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def make(cls, parent: Path, prefix: str) -> Self:
        """Make a folder with a new name that begins so, in place of all such whose owners are gone.

        Args:
            parent: Is made where it is missing.
            prefix: Of all folders for one purpose.

        Raises:
            OSError: It cannot be made.
        """
        sweep(parent, prefix)
        while True:
            # Whoever sweeps may remove the empty parent at any moment, and the folder before it is locked.
            with suppress(FileNotFoundError):
                _make_parent(parent)
                path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
                descriptor = os.open(path, _FLAGS)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if _is_at(descriptor, path):
                    return cls(path, descriptor)
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def temporary_folder(purpose: str) -> OwnFolder:
    """Make a folder where temporary files go.

    Raises:
        OSError: It cannot be made.
    """
    return OwnFolder.make(Path(tempfile.gettempdir()), f"{_TEMPORARY}{purpose}-")


def sweep_temporary_folders() -> None:
    """Remove the temporary folders whose owners are gone, whatever they were for."""
    sweep(Path(tempfile.gettempdir()), _TEMPORARY)


def sweep(parent: Path, prefix: str, *, first: Callable[[Path], object] = lambda _folder: None) -> None:
    """Remove the folders whose owners are gone.

    Args:
        parent: Where they are; it need not exist.
        prefix: What their names begin with.
        first: What is done for each of them before it goes, while others are kept from it.
    """
    try:
        found = [path for path in parent.iterdir() if path.name.startswith(prefix)]
    except FileNotFoundError:
        return
    for path in found:
        remove_unless_used(path, first=first)


def remove_unless_used(path: Path, *, first: Callable[[Path], object] = lambda _folder: None) -> bool:
    """Remove a folder whose owner is gone; return whether it is not there any more."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:  # another user's, no folder, or removed meanwhile
        return not os.path.lexists(path)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():  # of a stranger, who may have meant us to remove it
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(descriptor, path):
            first(path)
            shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _make_parent(parent: Path) -> None:
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        # Perhaps it was there and is not any more: pathlib asks a moment later what it is.
        if os.path.lexists(parent) and not parent.is_dir():
            raise


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
