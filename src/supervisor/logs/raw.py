"""What processes print, made into lines of a log: their own lines as they are, anything else wrapped.

Several processes write to one pipe, some of them through libraries that know no logging, and each may die in the middle
of a line. Nothing gets lost and nothing is believed: what is no line of ours becomes the text of one.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from supervisor.logs.lines import OUTPUT, LogLine, decoded

# What is longer comes in pieces: a process that never ends its line must not fill the memory of its supervisor.
_LONGEST_BYTES = 4 * 1024 * 1024
# How a line of ours begins, also behind what somebody else has begun and not ended.
_OURS = b'{"timestamp": "'
# As Python's own error messages do, and those of faulthandler.
_DEATH_BEGINS = re.compile(r"Traceback \(most recent call last\):|Fatal Python error: |(Current t|T)hread 0x")


class RawLines:
    """Takes in what is printed, piece by piece, and gives it back as lines."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._is_dying = False

    def take(self, content: bytes) -> Iterator[LogLine]:
        """Take in some more; yield the lines that are complete now."""
        searched = len(self._rest)
        self._rest += content
        begin = 0
        while (end := self._rest.find(b"\n", max(begin, searched))) >= 0:
            yield from self._lines(bytes(self._rest[begin:end]))
            begin = end + 1
        del self._rest[:begin]
        while len(self._rest) > _LONGEST_BYTES:
            yield self._wrapped(bytes(self._rest[:_LONGEST_BYTES]), continues=True)
            del self._rest[:_LONGEST_BYTES]

    def end(self) -> Iterator[LogLine]:
        """Yield what was begun and will not be ended any more."""
        if self._rest:
            yield from self._lines(bytes(self._rest))
            self._rest.clear()

    def _lines(self, line: bytes) -> Iterator[LogLine]:
        ours = decoded(line)
        before = b"" if ours is not None else line
        if ours is None and (at := line.rfind(_OURS)) > 0 and (ours := decoded(line[at:])) is not None:
            before = line[:at]
        if before.strip():
            yield self._wrapped(before)
        if ours is not None:
            self._is_dying = False
            yield ours

    def _wrapped(self, line: bytes, *, continues: bool = False) -> LogLine:
        text = line.decode(errors="backslashreplace").rstrip("\r")
        begins = _DEATH_BEGINS.match(text) is not None
        level = "error" if begins or self._is_dying else OUTPUT
        # A traceback goes on as long as its lines are indented; the one that is not says what it was about.
        self._is_dying = begins or (self._is_dying and text.startswith(" "))
        return LogLine(datetime.now(UTC), level, text, {"continues": True} if continues else {})
