"""A terminal of a given size in which a command runs, and what stands on its screen."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

_LEAVE_FULL_SCREEN = b"\x1b[?1049l"
_LONGEST_SECONDS = 300.0


class Screen:
    """One command in a terminal, which is read all the time, as terminals are."""

    def __init__(
        self, command: Sequence[str], *, columns: int, rows: int, folder: Path, env: Mapping[str, str]
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._left: list[str] | None = None
        self._drawing = threading.Lock()
        self._terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=dict(env), start_new_session=True
        )
        os.close(theirs)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def lines(self) -> list[str]:
        """What stands there, or stood on the full screen that was left last; without the empty lines at the end."""
        with self._drawing:
            lines = self._shown() if self._left is None else list(self._left)
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true, or the command has ended."""
        until = time.monotonic() + _LONGEST_SECONDS
        while self._thread.is_alive() and not condition():
            if time.monotonic() > until:
                raise TimeoutError("\n".join(self.lines))
            self._thread.join(0.1)

    def end(self) -> list[str]:
        """Wait until the command has ended; return what stands there then."""
        self.wait_until(lambda: False)
        self._process.wait()
        os.close(self._terminal)
        return self.lines

    def _shown(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display]

    def _read(self) -> None:
        pending = b""
        while True:
            try:
                content = os.read(self._terminal, 65536)
            except OSError:  # how Linux says that nobody has the other end any more
                content = b""
            with self._drawing:
                before, leaving, after = (pending + content).partition(_LEAVE_FULL_SCREEN)
                if leaving:
                    self._stream.feed(before)
                    self._left = self._shown()
                    before = after
                # What may be the beginning of the sequence waits for the rest.
                cut = before.rfind(b"\x1b") if content else -1
                pending = before[cut:] if 0 <= len(before) - cut < len(_LEAVE_FULL_SCREEN) and cut >= 0 else b""
                self._stream.feed(before[: len(before) - len(pending)])
            if not content:
                return
