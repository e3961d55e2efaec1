"""Reading the lines of a log whoever wrote them: this version, or an earlier one, whose logs were plain text."""

import re
from datetime import UTC, datetime

from supervisor.logs.lines import OUTPUT, SEVERITIES, LogLine, decoded

# 2026-11-21 20:15:03,250 INFO run=letters attempt=1 term=2 started: 3 documents, 2 page processes
_PLAIN = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) ([A-Z]+) run=(\S+) attempt=(\d+) term=(\d+) (.*)", re.ASCII
)
_OF_RUN = ("run_id", "attempt", "lease_term")


class LineParser:
    """Makes lines of what stands in a log, one after the other.

    What follows a line of an earlier version, and is none, belongs to it: a traceback, what a decoder has printed.
    """

    def __init__(self) -> None:
        self._latest = LogLine(datetime.now(UTC), OUTPUT, "")

    def parse(self, line: bytes) -> LogLine:
        """Return the next line."""
        text = line.decode(errors="backslashreplace")
        parsed = decoded(line) or _plain(text)
        if parsed is None:
            of_run = {name: self._latest.facts[name] for name in _OF_RUN if name in self._latest.facts}
            return LogLine(self._latest.at, OUTPUT, text, of_run)
        self._latest = parsed
        return parsed


def _plain(text: str) -> LogLine | None:
    found = _PLAIN.fullmatch(text)
    if found is None or found[2].lower() not in SEVERITIES:
        return None
    try:
        at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").astimezone()
        facts = {"run_id": found[3], "attempt": int(found[4]), "lease_term": int(found[5])}
    except (ValueError, OverflowError):
        return None  # it only looks like one
    return LogLine(at, found[2].lower(), found[6], facts)
