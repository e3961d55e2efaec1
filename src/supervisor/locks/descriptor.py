"""A locked descriptor: opened here, passed on to an executor, only ever closed.

The kernel lock belongs to the open file description, which supervisor, executor and pool share after passing it on.
Nobody unlocks: an unlock by one would take the lock from all. So it lives until the last of them has closed it or died.
The file is never unlinked: two processes could then hold "the same" lock on two files.
"""

import errno
import fcntl
import os
import weakref
from multiprocessing import context, reduction
from pathlib import Path
from typing import Any, Self

from filelock import lock_descriptor

from supervisor.errors import SurroundingsError
from supervisor.room import lack_of_room

_FLAGS = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


_taken_here: "weakref.WeakSet[LockedFile]" = weakref.WeakSet()


class LockedFile:
    """A descriptor that holds the kernel lock of its file until it and all its copies are closed.

    Copies are passed on; a process that a program of others has forked, say for a pool, has none: it may outlive by far
    what was locked.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor
        _taken_here.add(self)

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Open and lock a file, making it and its directory as needed; return None if it is locked already.

        Raises:
            SurroundingsError: The file cannot be made, is a symbolic link, or its file system has no locks.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            while True:
                descriptor = os.open(path, _FLAGS, 0o666)
                try:
                    taken = lock_descriptor(descriptor, blocking=False)
                    # Cleaning programs delete ignored files: a lock on a file that is no longer there excludes nobody.
                    current = not taken or _is_at(descriptor, path)
                except BaseException:
                    os.close(descriptor)
                    raise
                if taken and current:
                    return cls(descriptor)
                os.close(descriptor)
                if not taken:
                    return None
        except OSError as error:
            raise unusable(path, error) from error

    def fileno(self) -> int:
        """Return the descriptor, which stays ours.

        Raises:
            ValueError: It was closed.
        """
        if self._descriptor is None:
            raise ValueError("the lock was closed")
        return self._descriptor

    def close(self) -> None:
        """Close our copy; the lock is free once nobody has one any more. Closing twice does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _close_in_fork() -> None:
    for one in list(_taken_here):
        one.close()


os.register_at_fork(after_in_child=_close_in_fork)


class PassedDescriptor:
    """A descriptor as an argument of a child process: pickling it while the child is started copies it over."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        # Outside the start of a child, a copy would hang around in a background thread of ours and keep the lock.
        context.assert_spawning(self)
        return _received, (reduction.DupFd(self._open()),)

    def detach(self) -> int:
        """Hand over the descriptor; in the child, whoever calls this owns the copy.

        Raises:
            ValueError: It was handed over before.
        """
        descriptor, self._descriptor = self._open(), None
        return descriptor

    def _open(self) -> int:
        if self._descriptor is None:
            raise ValueError("the descriptor was handed over before")
        return self._descriptor


def is_locked(path: Path) -> bool:
    """Tell whether somebody holds the lock of a file, without making the file.

    Asks by a shared lock, so that two who ask at once do not take each other for a holder.

    Raises:
        SurroundingsError: The file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unusable(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise unusable(path, error) from error
    else:
        return False
    finally:
        os.close(descriptor)


def unusable(path: Path, error: OSError) -> SurroundingsError:
    """Translate why a lock file or its record cannot be used."""
    lack = lack_of_room(error, path)
    if lack is not None:
        return lack
    match error.errno:
        case errno.ELOOP:
            return SurroundingsError(f"lock file {path} is a symbolic link", hint="remove the link")
        case errno.ENOLCK | errno.ENOSYS | errno.EOPNOTSUPP:
            return SurroundingsError(
                f"the file system of {path} has no file locks", hint="choose a local directory with --runs-dir"
            )
        case _:
            return SurroundingsError(
                f"cannot use lock file {path}: {error.strerror}", hint="choose a writable directory with --runs-dir"
            )


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _received(copy: Any) -> PassedDescriptor:
    descriptor: int = copy.detach()
    # It arrives inheritable; tesseract and other programs that the child starts must not keep the lock.
    os.set_inheritable(descriptor, False)
    return PassedDescriptor(descriptor)
