"""Writing a file so that a reader sees the old one or the new one, and never half of one."""

import os
from pathlib import Path

from supervisor.room import needing_room


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whose directory is made where it is missing.

    The caller keeps everybody else from writing the same file: what a killed writer leaves has a name that the next
    one takes.

    Raises:
        NoRoomError: There is no room for it; the old one is there as it was.
    """
    with needing_room(path):
        _write(path, content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor is opened, not a path)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # whatever the umask says
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
