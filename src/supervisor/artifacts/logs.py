"""The rotated log of an executor."""

import os
import threading
from pathlib import Path

from supervisor.artifacts.appending import append, open_to_append

MAX_BYTES = 8 * 1024 * 1024
KEPT = 5


class RotatedLog:
    """An append-only file that is renamed to `.1`, `.2` … when it is full; the oldest goes."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._file = open_to_append(path)

    def write(self, content: bytes) -> None:
        """Append bytes at once.

        Raises:
            OSError: They cannot be written, and none of them was.
        """
        size = os.fstat(self._file.fileno()).st_size
        if size > 0 and size + len(content) > self._max_bytes:
            self._rotate()
        append(self._file, content)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _rotate(self) -> None:
        # It is not there if the last time there was no room for a new one.
        if self._path.exists():
            for number in range(self._kept - 1, 0, -1):
                older = self._numbered(number)
                if older.exists():
                    older.replace(self._numbered(number + 1))
            self._path.replace(self._numbered(1))
        fresh = open_to_append(self._path)
        self._file.close()
        self._file = fresh

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class LogPump:
    """Carries what a process group writes to a pipe into a rotated log.

    The supervisor's side reads, so that the last words of an executor that crashed are kept, and so that the end of the
    pipe tells that no process of the group is left. It reads on while nothing can be written: a log without room
    holds nobody up, and later says how much is missing.
    """

    def __init__(self, log: RotatedLog) -> None:
        self._log = log
        self._reader, self.writer = os.pipe()
        self._thread = threading.Thread(target=self._carry, name="log pump", daemon=True)
        self._thread.start()

    def close_writer(self) -> None:
        """Close our copy of the writing end, once the child has its own."""
        os.close(self.writer)

    def join(self, timeout_seconds: float) -> bool:
        """Wait until every writer is gone; return whether that came true."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _carry(self) -> None:
        missing = 0
        try:
            while content := os.read(self._reader, 65536):
                gap = f"\n{missing} bytes are missing here: they could not be written\n" if missing else ""
                try:
                    self._log.write(gap.encode() + content)
                    missing = 0
                except OSError:
                    missing += len(content)
        finally:
            os.close(self._reader)
            self._log.close()
