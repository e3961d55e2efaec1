"""The chain of frames in a TIFF file, followed far enough to notice that its end is missing.

Pillow takes a directory that lies beyond the end of the file for the end of the chain, and only warns. A scan of forty
pages that was cut in half would pass as one of twenty.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from supervisor.ocr.errors import DocumentError

FRAME_LIMIT = 100_000


def check_frame_chain(file: Path) -> None:
    """Follow the directories of a TIFF or BigTIFF file.

    Raises:
        DocumentError: One lies beyond the end of the file, wholly or in part.
    """
    with file.open("rb") as stream:
        size_bytes = os.fstat(stream.fileno()).st_size
        head = stream.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = len(head) == 16 and struct.unpack(order + "H", head[2:4])[0] == 43
        position = _unpack(order + "Q", head[8:]) if big else _unpack(order + "I", head[4:])
        seen: set[int] = set()
        while position and position not in seen:
            if len(seen) == FRAME_LIMIT:
                raise DocumentError(f"holds more than {FRAME_LIMIT:,} frames")
            seen.add(position)
            following = _following(stream, position, order, big=big) if position < size_bytes else None
            if following is None:
                raise DocumentError(f"is a truncated TIFF image: frame {len(seen)} lies beyond the end of the file")
            position = following


def _following(stream: BinaryIO, position: int, order: str, *, big: bool) -> int | None:
    """Return where the next directory begins, 0 at the end of the chain, None beyond the end of the file."""
    count_format, entry_bytes, next_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    stream.seek(position)
    count = _unpack(order + count_format, stream.read(struct.calcsize("=" + count_format)))
    if count is None or count > FRAME_LIMIT:
        return None
    stream.seek(count * entry_bytes, os.SEEK_CUR)
    return _unpack(order + next_format, stream.read(struct.calcsize("=" + next_format)))


def _unpack(layout: str, content: bytes) -> int | None:
    size_bytes = struct.calcsize(layout)
    if len(content) < size_bytes:
        return None
    value: int = struct.unpack(layout, content[:size_bytes])[0]
    return value
