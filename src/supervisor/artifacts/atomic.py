"""Writing a file so that a reader sees the old one or the new one, and never half of one."""

import os
import tempfile
from pathlib import Path

from supervisor.room import needing_room


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whose directory is made where it is missing.

    Raises:
        NoRoomError: There is no room for it; the old one is there as it was.
    """
    with needing_room(path):
        _write(path, content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor is opened, not a path)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
