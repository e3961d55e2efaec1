"""The trace of a run: one JSON event a line."""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from supervisor.artifacts.appending import append, drop_torn_line, open_to_append
from supervisor.json_lines import is_moment, read_object
from supervisor.room import needing_room

USED = "resources_used"
"""What an attempt has used so far; while it goes on, every ten seconds."""
ENDED = "term_ended"
"""The last event of each lease term, written by a supervisor."""
_CHUNK_BYTES = 64 * 1024


class Trace:
    """Appends events to a run's `trace.jsonl`."""

    def __init__(self, path: Path, *, run_id: str, attempt: int, lease_term: int) -> None:
        self._path = path
        with needing_room(path):
            self._file = open_to_append(path)
        drop_torn_line(self._file)
        self._common = {"run_id": run_id, "attempt": attempt, "lease_term": lease_term}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def event(self, event: str, at: datetime, **facts: object) -> None:
        """Write an event at once, and as a whole.

        Raises:
            NoRoomError: There is no room for it.
        """
        line = {"event": event, "at": at.isoformat(timespec="milliseconds"), **self._common, **facts}
        with needing_room(self._path):
            append(self._file, json.dumps(line, ensure_ascii=False).encode() + b"\n")


def read_trace(path: Path, *, only: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a trace, oldest first; none if there is no such file.

    A line that cannot be read is left out: the last one may be half written, and what was there before may be damaged.
    Of the others `event` is a text, `at` a time, `attempt` and `lease_term` are numbers; anything else may be anything.

    Args:
        path: The file.
        only: The one kind of event that is wanted; others cost next to nothing.
    """
    begin = b"{" if only is None else f'{{"event": "{only}"'.encode()
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return
    with file:
        for line in file:
            if line.startswith(begin) and (event := _event(line)) is not None:
                yield event


def last_event(path: Path) -> Mapping[str, Any] | None:
    """Return the latest event of a trace, which is looked for from the end on; None if there is none."""
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return None
    with file:
        begin = end = file.seek(0, os.SEEK_END)
        while begin > 0:
            begin = max(0, end - max(_CHUNK_BYTES, 4 * (end - begin)))
            file.seek(begin)
            # The first one may have been cut.
            lines = file.read(end - begin).split(b"\n")[0 if begin == 0 else 1 :]
            for line in reversed(lines):
                if (event := _event(line)) is not None:
                    return event
    return None


def _event(line: bytes) -> Mapping[str, Any] | None:
    """Return the event that a line holds; None if it holds none."""
    if not line.startswith(b"{"):
        return None
    try:
        found = read_object(line)
        is_at_moment = is_moment(datetime.fromisoformat(found["at"]))
    except (KeyError, TypeError, ValueError):
        return None
    numbers = (found.get("attempt"), found.get("lease_term"))
    is_whole = isinstance(found.get("event"), str) and all(isinstance(one, int) for one in numbers)
    return found if is_whole and is_at_moment else None
