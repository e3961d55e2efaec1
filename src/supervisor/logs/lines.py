"""A line of a log: when something happened, how bad it is, what it was, and the facts. In files, a JSON object."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from supervisor.errors import UsageError
from supervisor.json_lines import is_moment, read_object

LEVEL_VARIABLE = "SUPERVISOR_LOG_LEVEL"
DEFAULT_LEVEL = "info"
OUTPUT = "output"
SEVERITIES: Mapping[str, int] = {"debug": 10, "info": 20, OUTPUT: 20, "warning": 30, "error": 40, "critical": 50}
"""How bad each level is. `output` is what a program has printed, and nobody knows how bad that is."""
CHOSEN_LEVELS = ("debug", "info", "warning", "error")
"""The levels that a log can be asked for, or a reader can ask for."""

_OWN_KEYS = ("timestamp", "level", "event")


@dataclass(frozen=True)
class LogLine:
    """One line.

    Attributes:
        level: One of `SEVERITIES`.
        facts: What JSON can tell; of a run: `run_id`, `attempt`, `lease_term`.
    """

    at: datetime
    level: str
    event: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the JSON object."""
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"timestamp": at, "level": self.level, "event": self.event, **self.facts}

    def encoded(self) -> bytes:
        """Return the line as it stands in a file, with its end.

        Raises:
            ValueError: A number is infinite, which JSON has no words for.
        """
        text = json.dumps(self.to_json(), ensure_ascii=False, allow_nan=False, default=str)
        # For a lone surrogate that is just what JSON writes.
        return text.encode(errors="backslashreplace") + b"\n"

    def is_at_least(self, level: str) -> bool:
        """Tell whether it is as bad as a level, or worse."""
        return SEVERITIES[self.level] >= SEVERITIES[level]


def decoded(line: bytes) -> LogLine | None:
    """Return the line that stands in a file; None if that is none."""
    if not line.startswith(b"{"):
        return None
    try:
        found = read_object(line)
        at = datetime.fromisoformat(found["timestamp"])
        level, event = found["level"], found["event"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(level, str) or level not in SEVERITIES or not isinstance(event, str) or not is_moment(at):
        return None
    return LogLine(at, level, event, {name: value for name, value in found.items() if name not in _OWN_KEYS})


def chosen_level(environment: Mapping[str, str]) -> str:
    """Return from which level on things are logged, as the environment says.

    Raises:
        UsageError: It names no level.
    """
    level = environment.get(LEVEL_VARIABLE, "").lower() or DEFAULT_LEVEL
    if level not in CHOSEN_LEVELS:
        raise UsageError(f"{LEVEL_VARIABLE}: there is no level {level!r}", hint=f"one of {', '.join(CHOSEN_LEVELS)}")
    return level
