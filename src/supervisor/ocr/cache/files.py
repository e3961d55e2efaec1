"""Files of the cache directory: small, private, written whole or not at all, and never reached through a link.

`entries/3f/page-…3f` has the entry of that key. Many processes read, write and remove at the same time without a lock:
a file appears under its name complete, by renaming, and whoever reads it while it is removed has it open already.
Until it has that name it is in `new/`, locked by its writer: what is not locked there is of one that was killed.
Nothing is brought to the disk by force: after a power cut a file may be empty or torn, which its checksum shows, and
then the page is recognised once more.
"""

import contextlib
import errno
import fcntl
import logging
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from supervisor.ocr.cache.entries import MAX_BODY_BYTES
from supervisor.room import room_at

ENTRIES = "entries"
HISTORIES = "histories"
_NEW = "new"
# As much as a page has.
_TRIED_BYTES = 16_384
TOUCH_SECONDS = 3600.0
"""How exactly the cache knows when an entry was last used."""

_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe that somebody put there must not be waited for.
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SWEEP_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# So that backup programs leave the directory out: https://bford.info/cachedir/
_TAG = "CACHEDIR.TAG"
_TAG_CONTENT = b"Signature: 8a477f597d28d172789f06886806bc55\n# Pages that supervisor has recognised.\n"
_log = logging.getLogger(__name__)


class EntryFiles:
    """The entries as files; neither reading nor writing ever raises, and what cannot be done is told once."""

    def __init__(self, directory: Path, *, min_free_bytes: int = 0) -> None:
        self._directory = directory
        self._min_free_bytes = min_free_bytes
        self._told: set[str] = set()

    def read(self, key: str) -> bytes | None:
        """Return what lies under a key, whatever it is, and note that it was used."""
        try:
            with opened_folder(self._directory, ENTRIES, shard(key)) as folder:
                return read_file(folder, key)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell("read", error)
            return None

    def write(self, key: str, data: bytes) -> None:
        """Put an entry under a key, in place of whatever is there; what is last on a disk is left to others."""
        try:
            self._leave_room()
            write_file(self._directory, (ENTRIES, shard(key)), key, data)
        except OSError as error:
            self._tell("written", error)

    def _leave_room(self) -> None:
        if self._min_free_bytes and room_at(self._directory).free_bytes < self._min_free_bytes:
            raise OSError(errno.ENOSPC, f"less than {self._min_free_bytes / 1e6:,.0f} MB are free")

    def _tell(self, what: str, error: OSError) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning(
                "the page cache %s cannot be %s, which costs time and nothing else: %s", self._directory, what, error
            )


def shard(key: str) -> str:
    """Return in which of 256 folders a key is."""
    return key[-2:]


@contextlib.contextmanager
def opened_folder(directory: Path, *names: str, make: bool = False) -> Iterator[int]:
    """Open a folder in the cache directory, which itself may be a link; none of the folders in it may.

    Raises:
        OSError: It is missing, a link, no folder, or the cache directory belongs to another user.
    """
    if make:
        _make(directory)
    descriptor = os.open(directory, _DIRECTORY_FLAGS)
    try:
        owner = os.fstat(descriptor).st_uid
        if owner != os.geteuid():
            raise PermissionError(f"it belongs to user {owner}, who could have written anything there")
        for name in names:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=descriptor)
            inner = os.open(name, _DIRECTORY_FLAGS | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def why_unusable(directory: Path) -> str | None:
    """Return why nothing can be kept in a cache directory, which is found out by trying; None if it can."""
    try:
        with _new_file(directory, bytes(_TRIED_BYTES), make=True):
            pass
    except OSError as error:
        return error.strerror or str(error)
    return None


def sweep_new(directory: Path) -> None:
    """Remove what writers that were killed have left.

    Raises:
        OSError: It cannot be read.
    """
    with contextlib.suppress(FileNotFoundError), opened_folder(directory, _NEW) as folder, os.scandir(folder) as found:
        for one in found:
            # Removed meanwhile, no file of ours, in use, or on a file system that has no locks.
            with contextlib.suppress(OSError):
                _remove_unless_locked(folder, one.name)


def read_file(folder: int, name: str, *, limit_bytes: int = MAX_BODY_BYTES) -> bytes | None:
    """Return a file of ours, and note that it was used; None for whatever else goes by its name.

    Raises:
        OSError: It is missing, or cannot be read.
    """
    try:
        descriptor = os.open(name, _READ_FLAGS, dir_fd=folder)
    except OSError:
        if _is_foreign(folder, name):
            return None
        raise
    with open(descriptor, "rb") as file:  # noqa: PTH123 (a descriptor is opened, not a path)
        status = os.fstat(descriptor)
        if not is_ours(status) or status.st_size > limit_bytes:
            return None
        if time.time() - status.st_mtime > TOUCH_SECONDS:
            # Where that is not allowed, nothing can be removed either.
            with contextlib.suppress(OSError):
                os.utime(descriptor)
        return file.read()


def write_file(directory: Path, names: tuple[str, ...], name: str, data: bytes) -> None:
    """Put a file in the place of whatever has its name; folders are made where they are missing.

    Raises:
        OSError: It cannot be written.
    """
    try:
        _write(directory, names, name, data, make=False)
    except FileNotFoundError:
        _write(directory, names, name, data, make=True)


def is_ours(status: os.stat_result) -> bool:
    """Tell whether this is an ordinary file that this user has written."""
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _write(directory: Path, names: tuple[str, ...], name: str, data: bytes, *, make: bool) -> None:
    with (
        opened_folder(directory, *names, make=make) as folder,
        _new_file(directory, data, make=make) as (aside, temporary),
    ):
        os.rename(temporary, name, src_dir_fd=aside, dst_dir_fd=folder)


@contextlib.contextmanager
def _new_file(directory: Path, data: bytes, *, make: bool) -> Iterator[tuple[int, str]]:
    """Have a file with this content, given as folder and name; unless it is renamed, it is removed."""
    with opened_folder(directory, _NEW, make=make) as folder:
        descriptor, name = _locked(folder)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor has no path)
                file.write(data)
                file.flush()
                yield folder, name
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _locked(folder: int) -> tuple[int, str]:
    """Make an empty file that nobody sweeps up, and return its descriptor and name."""
    while True:
        name = f"{os.getpid()}-{secrets.token_hex(8)}"
        descriptor = os.open(name, _WRITE_FLAGS, 0o600, dir_fd=folder)
        # Where there are no locks, nobody sweeps.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        # Somebody has swept it up before it was locked.
        os.close(descriptor)


def _remove_unless_locked(folder: int, name: str) -> None:
    descriptor = os.open(name, _SWEEP_FLAGS, dir_fd=folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(descriptor)


def _make(directory: Path) -> None:
    """Make the cache directory, marked as what it is."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    _write(directory, (), _TAG, _TAG_CONTENT, make=True)


def _is_foreign(folder: int, name: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return not is_ours(os.stat(name, dir_fd=folder, follow_symlinks=False))
    return False
