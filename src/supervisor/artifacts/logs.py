"""Logs that are rotated, and lines in them."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from supervisor.artifacts.appending import append, open_to_append
from supervisor.locks.processes import wait_until
from supervisor.logs.lines import LogLine

MAX_BYTES = 8 * 1024 * 1024
KEPT = 5
# Others hold the lock for microseconds, unless they were stopped meanwhile: a log holds nobody up.
_LOCK_SECONDS = 0.2
_OF_RUNS = ("run_id", "attempt", "lease_term")


class RotatedLog:
    """An append-only file that is renamed to `.1`, `.2` … when it is full; the oldest goes.

    Any number of threads and processes may write to it, each through an object of its own.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        """Open it; it is made where it is missing.

        Raises:
            OSError: ELOOP where somebody put a symbolic link in its place, and what else opening can raise.
        """
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._file = open_to_append(path)
        self._guard = threading.Lock()

    def write(self, content: bytes, *, waits: bool = True) -> None:
        """Append lines at once; the first begins a line, even if what stands before it was never ended.

        Args:
            content: The lines.
            waits: Whether to wait a moment for somebody else who writes.

        Raises:
            OSError: They cannot be written, and none of them was.
        """
        with self._guard:
            while not self._append_here(content, waits=waits):
                fresh = open_to_append(self._path)
                self._file.close()
                self._file = fresh

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append_here(self, content: bytes, *, waits: bool) -> bool:
        """Append to the open file, unless the log goes on in another one, or has to."""
        with self._alone(_LOCK_SECONDS if waits else 0):
            if not self._is_current():
                return False
            size = os.fstat(self._file.fileno()).st_size
            if size > 0 and size + len(content) > self._max_bytes:
                self._rotate()
                return False
            is_torn = size > 0 and os.pread(self._file.fileno(), 1, size - 1) != b"\n"
            append(self._file, b"\n" + content if is_torn else content)
            return True

    @contextmanager
    def _alone(self, patience_seconds: float) -> Iterator[None]:
        if not wait_until(self._is_locked, patience_seconds):
            raise TimeoutError(f"somebody holds the log {self._path}")
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _is_locked(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat(follow_symlinks=False))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        for number in range(self._kept - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class LineFile:
    """Lines in a rotated log. What cannot be written holds nobody up: the log later tells how much is missing."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._log: RotatedLog | None = None
        self._missing_bytes = 0

    def open(self) -> RotatedLog:
        """Open the file, as the first line does otherwise.

        Raises:
            OSError: It cannot be.
        """
        self._log = self._log or RotatedLog(self._path, max_bytes=self._max_bytes, kept=self._kept)
        return self._log

    def write(self, line: LogLine) -> None:
        """Append a line."""
        content = line.encoded()
        try:
            # Who was waited for once in vain is not waited for again with every line.
            self.open().write(self._gap(line) + content, waits=not self._missing_bytes)
            self._missing_bytes = 0
        except OSError:
            self._missing_bytes += len(content)

    def close(self) -> None:
        """Close the file; another line opens it again."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def _gap(self, line: LogLine) -> bytes:
        if not self._missing_bytes:
            return b""
        told = f"{self._missing_bytes} bytes are missing here: they could not be written"
        of_run = {name: line.facts[name] for name in _OF_RUNS if name in line.facts}
        return LogLine(datetime.now(UTC), "error", told, of_run).encoded()
