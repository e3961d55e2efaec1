"""The trace of a run: one JSON event a line."""

import json
from datetime import datetime
from pathlib import Path
from typing import Self

from supervisor.artifacts.appending import append, drop_torn_line, open_to_append
from supervisor.room import needing_room


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
