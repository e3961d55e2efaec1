"""Kernel-locked files in a directory that strangers may write to, and the record that each carries.

The lock is the truth: it ends with the last process that has the descriptor, however that ends. The record informs
people, and says how much memory its holder reserves; it means nothing while nobody holds the lock.

Another user can lock these files, or make them first, and so keep us waiting; that lies in sharing. It must not be
possible to aim what we write at a file elsewhere: links of both kinds and all that is no plain file are refused.
"""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from supervisor.errors import SurroundingsError
from supervisor.room import lack_of_room

_SAFELY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_RECORD_LENGTH = 200
# What opening a file of a stranger can fail with, and says nothing of other files: a link, no permission, a directory,
# a socket or device, a program that is running, a lease (fcntl(2)).
_OF_ONE_FILE = frozenset(
    (errno.ELOOP, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENXIO, errno.ENODEV, errno.ETXTBSY, errno.EAGAIN)
)
_TOO_MANY_OPEN = frozenset((errno.EMFILE, errno.ENFILE))


class DirectoryGoneError(SurroundingsError):
    """The directory of the slots was removed, as logging out does to some (logind.conf(5), RemoveIPC)."""


@dataclass(frozen=True)
class Claim:
    """Who has a slot, or waits for one.

    Attributes:
        pid: Of the page process, in its own pid namespace.
        memory_bytes: What it reserves.
        slots: How many there are for it: it can use those with lower numbers.
        since: When it took the slot or began to wait; aware UTC, for people.
        since_ns: The same on the monotonic clock, which all processes of a machine share: the order of those who wait.
    """

    pid: int
    memory_bytes: int
    slots: int
    since: datetime
    since_ns: int

    @classmethod
    def from_record(cls, content: bytes) -> Self | None:
        """Read a record; None if it is empty, half written or no record at all."""
        try:
            found = json.loads(content)
            since = datetime.fromisoformat(found.pop("since"))
            numbers = {name: int(found[name]) for name in ("pid", "memory_bytes", "slots", "since_ns")}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None
        return cls(since=since, **numbers) if since.tzinfo and min(numbers.values()) >= 0 else None

    def to_record(self) -> bytes:
        """Write the record; all are of one length, so that one write replaces another whole."""
        found = asdict(self) | {"since": self.since.isoformat(timespec="seconds")}
        return json.dumps(found).encode().ljust(_RECORD_LENGTH - 1) + b"\n"


@dataclass(frozen=True)
class LockedClaim:
    """A file that somebody has locked.

    Attributes:
        claim: None where the record cannot be read.
        beat_at: When its holder last gave a sign of life, in seconds since the epoch.
    """

    path: Path
    number: int
    claim: Claim | None
    beat_at: float


def take(path: Path, claim: Claim) -> int | None:
    """Lock a file, making it if it is missing, and write the record; return the descriptor, None if it is taken.

    A file that we may not use counts as taken.

    Raises:
        DirectoryGoneError: There is no directory for it.
        SurroundingsError: It cannot be made, or no file in its directory can be used.
    """
    descriptor = _open_or_make(path)
    if descriptor is None:
        return None
    try:
        if _lock(descriptor, fcntl.LOCK_EX) and is_plain_file_at(descriptor, path):
            os.pwrite(descriptor, claim.to_record(), 0)
            return descriptor
    except OSError as error:
        os.close(descriptor)
        raise _unusable(path, error) from error
    os.close(descriptor)
    return None


def locked_claims(directory: Path, prefix: str, *, without: int | None = None) -> Iterator[LockedClaim]:
    """Yield the files `PREFIX-NUMBER.lock`, but for one, that somebody has locked, in no order; nothing is made.

    One that we may not look into counts as locked.

    Raises:
        SurroundingsError: No file in the directory can be used.
    """
    try:
        entries = list(directory.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(directory, error) from error
    for entry in entries:
        name, _, number = entry.name.removesuffix(".lock").partition("-")
        if name == prefix and number.isascii() and number.isdigit() and int(number) != without:
            found = _locked_claim(entry, int(number))
            if found is not None:
                yield found


def is_plain_file_at(descriptor: int, path: Path) -> bool:
    """Tell whether a descriptor is a file that has this name, which cleaning programs remove, and no other."""
    found = os.fstat(descriptor)
    try:
        return os.path.samestat(found, path.lstat()) and stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    except OSError:
        return False


def _locked_claim(path: Path, number: int) -> LockedClaim | None:
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    if descriptor is None:
        return LockedClaim(path, number, None, 0)
    try:
        # A shared lock, so that two who ask at once do not take each other for a holder.
        if _lock(descriptor, fcntl.LOCK_SH):
            return None
        claim = Claim.from_record(os.pread(descriptor, _RECORD_LENGTH, 0))
        return LockedClaim(path, number, claim, os.fstat(descriptor).st_mtime)
    except OSError:  # no plain file
        return LockedClaim(path, number, None, 0)
    finally:
        os.close(descriptor)


def _open(path: Path, mode: int) -> int | None:
    """Open a file; return None if others in its directory can still be used.

    Raises:
        FileNotFoundError: It is missing.
        SurroundingsError: No file in the directory can be used.
    """
    try:
        return os.open(path, mode | _SAFELY)
    except FileNotFoundError:
        raise
    except OSError as error:
        # Found only by those who may search the directory.
        if error.errno in _OF_ONE_FILE and os.path.lexists(f"{path.parent}/."):
            return None
        raise _unusable(path, error) from error


def _open_or_make(path: Path) -> int | None:
    while True:
        # Never both at once: where strangers write, O_CREAT refuses files of others (fs.protected_regular, proc(5)).
        try:
            return _open(path, os.O_RDWR)
        except FileNotFoundError:
            pass
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFELY, 0o666)
        except FileExistsError:
            continue
        except FileNotFoundError as error:
            raise DirectoryGoneError(
                f"cannot use {path}: its directory was removed", hint=f"make {path.parent} again"
            ) from error
        except OSError as error:
            raise _unusable(path, error) from error
        os.fchmod(descriptor, 0o666)  # whatever the umask says: other users lock it, too
        return descriptor


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unusable(path: Path, error: OSError) -> SurroundingsError:
    lack = lack_of_room(error, path)
    if lack is not None:
        return lack
    hint = (
        "allow more open files, with ulimit -n"
        if error.errno in _TOO_MANY_OPEN
        else "let this user write there, or name another directory in SUPERVISOR_SLOTS_DIR"
    )
    return SurroundingsError(f"cannot use {path}: {error.strerror}", hint=hint)
