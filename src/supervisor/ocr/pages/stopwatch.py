"""How long a task has been at work, told across processes: what a supervising process ends tasks by."""

import contextlib
import faulthandler
import os
import struct
import time
from pathlib import Path

# Seconds at work before the latest start, and when that was; 0 while it rests.
_FORM = struct.Struct("dd")


class Stopwatch:
    """Counts while it runs; one process starts and rests it, any other reads it. A machine has one monotonic clock.

    Args:
        file: Made by `make`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._before = 0.0
        self._since = 0.0

    @classmethod
    def make(cls, *files: Path) -> Path:
        """Make the file of a new one, in the first place that has room, and return it.

        Raises:
            OSError: None of them has room.
        """
        for file in files[:-1]:
            with contextlib.suppress(OSError):
                file.write_bytes(_FORM.pack(0, 0))
                return file
        files[-1].write_bytes(_FORM.pack(0, 0))
        return files[-1]

    def start(self) -> None:
        """Go on counting."""
        self._since = time.monotonic()
        self._write()

    def rest(self) -> None:
        """Stop counting: the task waits for others."""
        self._before = self.seconds
        self._since = 0.0
        self._write()

    @property
    def seconds(self) -> float:
        """How long it has run, in the process that starts it."""
        return self._before + (time.monotonic() - self._since if self._since else 0.0)

    def read(self) -> float:
        """Return how many seconds it has run, in any other process; 0 before it was started."""
        try:
            before, since = _FORM.unpack(self._file.read_bytes())
        except (FileNotFoundError, struct.error):  # not started, or gone with its task
            return 0.0
        return float(before + (time.monotonic() - since if since else 0.0))

    def _write(self) -> None:
        # Sixteen bytes over sixteen others, in one system call: nobody reads half of them, and no disk is too full.
        with contextlib.suppress(FileNotFoundError):  # whoever would read it is gone, with all its files
            descriptor = os.open(self._file, os.O_WRONLY)
            try:
                os.pwrite(descriptor, _FORM.pack(self._before, self._since), 0)
            finally:
                os.close(descriptor)


class TaskClock:
    """The time of one task in a page process, which ends itself when that is over and nobody else has ended it.

    By a thread that needs no interpreter lock: MuPDF keeps that while it hangs.

    Args:
        stopwatch: Tells others.
        limit_seconds: After so much work this process ends.
    """

    def __init__(self, stopwatch: Stopwatch, limit_seconds: float) -> None:
        self._stopwatch = stopwatch
        self._limit_seconds = limit_seconds

    @property
    def seconds(self) -> float:
        """How long the task was at work."""
        return self._stopwatch.seconds

    def start(self) -> None:
        """Begin, or go on."""
        self._stopwatch.start()
        faulthandler.dump_traceback_later(max(0.01, self._limit_seconds - self.seconds), exit=True, file=2)

    def rest(self) -> None:
        """Stop while the task waits for others; also at its end."""
        faulthandler.cancel_dump_traceback_later()
        self._stopwatch.rest()
