"""Our loggers, made with structlog: every line that gets into a file or onto a terminal passes them.

They hide passwords, whoever wrote the line. A logger is handed to whoever logs; nothing global is configured, so that
a program which uses us as a library keeps its own settings of structlog.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from supervisor.logs.lines import DEFAULT_LEVEL, SEVERITIES, LogLine
from supervisor.passwords import without_passwords

_METHOD = "write"
# What means something to the processors.
_INTERNAL = frozenset({"level", "event", "timestamp", "made_at", "exc_info"})


class Log(structlog.BoundLoggerBase):
    """Writes lines, each with the facts that it is bound to; `bind` returns one with more of them."""

    @classmethod
    def to(cls, write: Callable[[LogLine], object], *, level: str = DEFAULT_LEVEL, **facts: object) -> Self:
        """Make one that hands its lines to a function.

        Args:
            write: Called in the thread that logs.
            level: From which on.
            facts: On every line.
        """

        def least(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
            if SEVERITIES[event["level"]] < SEVERITIES[level]:
                raise structlog.DropEvent
            return event

        processors: list[Processor] = [
            least,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            hide_passwords,
            _as_line,
        ]
        return cls(_Out(write), processors, dict(facts))

    def debug(self, event: str, **facts: object) -> None:
        """Write what helps to find a defect."""
        self._write("debug", event, facts)

    def info(self, event: str, **facts: object) -> None:
        """Write what happened."""
        self._write("info", event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Write what somebody should know of, though all goes on."""
        self._write("warning", event, facts)

    def error(self, event: str, **facts: object) -> None:
        """Write what has failed."""
        self._write("error", event, facts)

    def exception(self, event: str, **facts: object) -> None:
        """Write what has failed, with the exception that is being handled."""
        self._write("error", event, {**facts, "exc_info": sys.exc_info()})

    def relay(self, line: LogLine) -> None:
        """Write a line that was made elsewhere; what we are bound to stands, whatever it says."""
        kept = _INTERNAL | self._context.keys()
        others = {name: value for name, value in line.facts.items() if name not in kept}
        self._write(line.level, line.event, {**others, "made_at": line.at})

    def _write(self, level: str, event: str, facts: dict[str, object]) -> None:
        # Not through _proxy_to_logger, which takes facts by name: a line from elsewhere may have any names.
        try:
            arguments, _ = self._process_event(_METHOD, event, {**facts, "level": level})
        except structlog.DropEvent:
            return
        self._logger.write(*arguments)


class _Out:
    """What structlog wraps."""

    def __init__(self, write: Callable[[LogLine], object]) -> None:
        self.write = write


def hide_passwords(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Hide the passwords in all texts of an event."""
    return {name: _hidden(value, name) for name, value in event.items()}


def _hidden(value: object, name: str = "") -> object:
    match value:
        case str():
            return "***" if "password" in name.lower() else without_passwords(value)
        case dict():
            return {str(key): _hidden(one, str(key)) for key, one in value.items()}
        case list() | tuple():
            return [_hidden(one) for one in value]
        case int() | float() | None:
            return value
        case _:
            return value if isinstance(value, datetime) else without_passwords(str(value))


def _as_line(_logger: WrappedLogger, _name: str, event: EventDict) -> tuple[tuple[LogLine], dict[str, Any]]:
    stamped = datetime.fromisoformat(event.pop("timestamp"))
    at: datetime = event.pop("made_at", stamped)
    return (LogLine(at, event.pop("level"), event.pop("event"), event),), {}
