"""Opening a file of ours to append to it, and no file of anybody else's."""

import os
from io import BufferedWriter
from pathlib import Path


def open_to_append(path: Path) -> BufferedWriter:
    """Open a file for appending; it and its directory are made where they are missing.

    Raises:
        OSError: ELOOP where somebody put a symbolic link in its place, and what else opening can raise.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return open(os.open(path, flags, 0o644), "ab")  # noqa: PTH123 (a descriptor is opened; the caller closes)
