"""A terminal that a person would look at: a pseudo-terminal, and what stands on its screen."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyte

SECONDS = 30
# Only what clears something can leave nothing.
_UP_TO_CLEARING = re.compile(rb".*?\x1b\[[0-9?]*[JKhl]|.+", re.DOTALL)


class Screen:
    """A terminal. A program writes to `program`, and reads keys there; what it draws is seen after every step.

    Attributes:
        written: Everything that was written to it.
        blank: After how many bytes nothing stood on it, though something had.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self._master, self.program = pty.openpty()
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._is_over = False
        self.written = b""
        self.blank: list[int] = []
        self._drawn = False
        self._set_size(columns, lines)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """What stands there."""
        with self._changed:
            return [line.rstrip() for line in self._screen.display]

    def wait(self, condition: Callable[[list[str]], object]) -> list[str]:
        """Wait until what stands there is as it should be."""
        limit = time.monotonic() + SECONDS
        with self._changed:
            while not condition(shown := [line.rstrip() for line in self._screen.display]):
                assert self._changed.wait(limit - time.monotonic()), shown
            return shown

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Make it another size, as a person does who drags its corner."""
        with self._changed:
            self._screen.resize(lines, columns)
        self._set_size(columns, lines)

    def modes(self) -> list[object]:
        """How the terminal treats keys."""
        return termios.tcgetattr(self.program)

    def close(self) -> None:
        self._is_over = True
        self._reader.join()
        os.close(self.program)
        os.close(self._master)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.program, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        while not self._is_over:
            if select.select([self._master], [], [], 0.02)[0]:
                content = os.read(self._master, 65536)
                with self._changed:
                    for part in _UP_TO_CLEARING.findall(content):
                        self._see(part)
                    self._changed.notify_all()

    def _see(self, part: bytes) -> None:
        self.written += part
        self._stream.feed(part)
        is_blank = all(cell.data == " " for line in self._screen.buffer.values() for cell in line.values())
        if is_blank and self._drawn:
            self.blank.append(len(self.written))
        self._drawn = self._drawn or not is_blank


@contextmanager
def screen(columns: int = 80, lines: int = 24) -> Iterator[Screen]:
    """Have a terminal while the block runs."""
    made = Screen(columns, lines)
    try:
        yield made
    finally:
        made.close()
