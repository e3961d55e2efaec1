"""The whole of a terminal: pictures that replace one another without flicker, keys, and all as it was afterwards.

Pictures are drawn into the terminal's second buffer, so that what stood there before comes back in the end. A picture
is one write, of the lines that differ from what stands there; they are written over, and nothing is cleared first.
"""

import os
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

# The second buffer, without a cursor, and without going on in the next line where one is full.
_TAKE = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_GIVE_BACK = "\x1b[?7h\x1b[?25h\x1b[?1049l"
# Of a terminal that does not know its size: a serial line, or a pseudo-terminal that nobody has told.
_USUAL_SIZE = os.terminal_size((80, 24))
# Terminals that know it show nothing of what is between the two before all of it has come:
# https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"


class FullScreen:
    """A terminal that is ours while `taken` runs.

    Args:
        console: Knows which colours there are, and what the terminal can encode.
        output: The descriptor that leads to it.
        keys: The descriptor that keys come from; None if nobody listens to them.
    """

    def __init__(self, console: Console, output: int, keys: int | None) -> None:
        self._console = console
        self._output = output
        self.keys = keys
        self._modes: list[Any] | None = None
        self._drawn: list[Text] = []
        self._size: os.terminal_size | None = None

    @property
    def size(self) -> os.terminal_size:
        """How many columns and lines it has now."""
        size = os.get_terminal_size(self._output)
        return size if size.columns and size.lines else _USUAL_SIZE

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the terminal, and give it back as it was, whatever comes."""
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def take(self) -> None:
        """Have keys come one by one, unseen; the second buffer comes with the first picture, lest it be empty."""
        if self.keys is not None:
            self._modes = termios.tcgetattr(self.keys)
            modes = termios.tcgetattr(self.keys)
            modes[3] &= ~(termios.ECHO | termios.ICANON)
            # Ctrl-\ would end us without giving anything back.
            modes[6][termios.VQUIT] = bytes([os.fpathconf(self.keys, "PC_VDISABLE")])
            termios.tcsetattr(self.keys, termios.TCSAFLUSH, modes)

    def give_back(self) -> None:
        """Leave everything as it was; what was typed meanwhile was not meant for the shell."""
        if self._size is not None:
            self._size = None
            self._write(_GIVE_BACK)
        if self.keys is not None and self._modes is not None:
            termios.tcsetattr(self.keys, termios.TCSAFLUSH, self._modes)

    def pressed(self) -> bytes:
        """Return the keys that were pressed, of which there are some; none are left if the terminal is gone."""
        return b"" if self.keys is None else os.read(self.keys, 64)

    def show(self, picture: Sequence[Text], *, anew: bool = False) -> None:
        """Draw a picture over the one that stands there; what is too long or too wide for the terminal is cut off.

        Args:
            picture: A text for each line.
            anew: Whether something else may stand there now.
        """
        size = self.size
        parts = [_TAKE] if self._size is None else []
        if size != self._size or anew:
            self._size, self._drawn = size, []
        lines = list(picture[: size.lines])
        for number, line in enumerate(lines):
            if number >= len(self._drawn) or self._drawn[number] != line:
                parts.append(f"\x1b[{number + 1};1H{self._encoded(line, size.columns)}")
        if len(lines) < (len(self._drawn) or size.lines):
            parts.append(f"\x1b[{len(lines) + 1};1H\x1b[J")
        self._drawn = lines
        if parts:
            self._write(_BEGIN + "".join(parts) + _END)

    def _encoded(self, line: Text, columns: int) -> str:
        fitting = line.copy()
        fitting.truncate(columns)
        with self._console.capture() as capture:
            self._console.print(fitting, end="", soft_wrap=True, highlight=False)
        # In a full line the cursor stays on the last character, which would be erased.
        return capture.get() + ("\x1b[K" if fitting.cell_len < columns else "")

    def _write(self, text: str) -> None:
        left = text.encode(self._console.encoding, errors="replace")
        while left:
            left = left[os.write(self._output, left) :]


def keys_of_terminal() -> int | None:
    """Return the descriptor that keys come from: that of standard input, if it is a terminal."""
    return sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
