"""What carries the output of an executor into its run's log."""

import os
import threading

from supervisor.artifacts.logs import LineFile
from supervisor.logs.loggers import Log
from supervisor.logs.raw import RawLines

_CHUNK_BYTES = 64 * 1024


class LogPump:
    """Carries what a process group writes to a pipe into its log.

    The supervisor's side reads, so that the last words of an executor that crashed are kept, and so that the end of the
    pipe tells that no process of the group is left.

    Attributes:
        log: Where its lines go; others may write there, too, until the pipe ends.
    """

    def __init__(self, file: LineFile, **facts: object) -> None:
        """Begin.

        Args:
            file: Closed when the last writer is gone.
            facts: On every line, whatever the line itself says of them.
        """
        self._file = file
        self.log = Log.to(file.write, level="debug", **facts)
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
        lines = RawLines()
        try:
            while content := os.read(self._reader, _CHUNK_BYTES):
                for line in lines.take(content):
                    self.log.relay(line)
            for line in lines.end():
                self.log.relay(line)
        finally:
            os.close(self._reader)
            self._file.close()
