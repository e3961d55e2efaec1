"""A fact about this machine that costs a process to find out, kept in a file for the programs that come after."""

import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from filelock import Timeout, UnixFileLock

_MOST_BYTES = 64 * 1024
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_WAIT_SECONDS = 60


def remembered(
    file: Path, key: Mapping[str, object], names: Sequence[str], find_out: Callable[[], Mapping[str, str]]
) -> Mapping[str, str]:
    """Return what the file says for this key, or else find it out and write it down.

    Programs that ask at once wait for the first of them. Where nothing can be written, everybody finds out alone.

    Args:
        file: Its folder is made, for this user only.
        key: What the fact depends on, as JSON knows it; another key makes what is written down worthless.
        names: Of the values that are asked for.
        find_out: Returns them; raises what this function then raises.
    """
    known = _read(file, key, names)
    if known is not None:
        return known
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = UnixFileLock(file.with_suffix(".lock"), mode=0o600, timeout=_WAIT_SECONDS, fallback_to_soft=False)
        lock.acquire()
    except (OSError, Timeout, NotImplementedError):
        return find_out()
    try:
        known = _read(file, key, names)
        if known is None:
            known = find_out()
            _write(file, key, known)
        return known
    finally:
        lock.release()


def _read(file: Path, key: Mapping[str, object], names: Sequence[str]) -> Mapping[str, str] | None:
    """Believe only a file of our own, which nobody else can write to."""
    try:
        descriptor = os.open(file, _FLAGS)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return None
            content = json.loads(stream.read(_MOST_BYTES))
    except (OSError, ValueError):
        return None
    match content:
        case {"key": known_key, "value": dict(value)} if known_key == key:
            is_whole = all(isinstance(value.get(name), str) for name in names)
            return value if is_whole else None
        case _:
            return None


def _write(file: Path, key: Mapping[str, object], value: Mapping[str, str]) -> None:
    # Under the lock: what one that was killed has left is in nobody's use.
    temporary = file.with_suffix(".tmp")
    # What cannot be written down is found out again.
    with suppress(OSError):
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump({"key": key, "value": value}, stream)
        temporary.replace(file)
