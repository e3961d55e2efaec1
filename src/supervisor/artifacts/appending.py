"""Opening a file of ours to append to it, and no file of anybody else's; appending all of something, or nothing."""

import os
from io import FileIO
from pathlib import Path

_CHUNK_BYTES = 64 * 1024


def open_to_append(path: Path) -> FileIO:
    """Open a file for appending; it and its directory are made where they are missing.

    Raises:
        OSError: ELOOP where somebody put a symbolic link in its place, and what else opening can raise.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return FileIO(os.open(path, flags, 0o644), "ab")


def append(file: FileIO, content: bytes) -> None:
    """Write at the end of a file to which nobody else writes; what finds no room as a whole is taken back.

    Raises:
        OSError: It cannot be written.
    """
    before = os.fstat(file.fileno()).st_size
    rest = memoryview(content)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(before)
        raise


def drop_torn_line(file: FileIO) -> None:
    """Take back a last line without an end: whoever wrote it was killed meanwhile, or the machine went down."""
    size = end = os.fstat(file.fileno()).st_size
    while end > 0:
        begin = max(0, end - _CHUNK_BYTES)
        newline = os.pread(file.fileno(), end - begin, begin).rfind(b"\n")
        if newline >= 0:
            end = begin + newline + 1
            break
        end = begin
    if end < size:
        file.truncate(end)
