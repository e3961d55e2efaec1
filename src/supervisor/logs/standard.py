"""Python's own logging, made to write our lines: in executors and page processes, and in what they use.

These log through `logging` and not through structlog, which takes 60 ms to import: as long as the rest of a page
process. What they write passes the supervisor, and its structlog with it, before it gets into a file.
"""

import contextlib
import faulthandler
import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from supervisor.logs.lines import LogLine

_OURS = ("supervisor", "sqlalchemy")


def facts(**named: object) -> dict[str, dict[str, object]]:
    """Return facts for the `extra` of a call of `logging`: `log.info("saved", extra=facts(file=name))`."""
    return {"facts": named}


class LineHandler(logging.Handler):
    """Hands on what is logged, as lines."""

    def __init__(self, write: Callable[[LogLine], object]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one record."""
        self._write(_line(record))


def log_to(descriptor: int, level: str) -> None:
    """Write everything that this process logs, from a level on, to a descriptor, each line by one write.

    There it also says where it was when it crashes, in the words of faulthandler.
    When nobody reads there any more, as in an executor that outlives its supervisor, nothing is written.
    """

    def write(line: LogLine) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(descriptor, line.encoded())

    handler = LineHandler(write)
    faulthandler.enable(descriptor)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)


@contextlib.contextmanager
def heard_by(write: Callable[[LogLine], object]) -> Iterator[None]:
    """Have what our modules log, and those of the database, handed on while the block runs."""
    handler = LineHandler(write)
    loggers = [logging.getLogger(name) for name in _OURS]
    for one in loggers:
        one.addHandler(handler)
    try:
        yield
    finally:
        for one in loggers:
            one.removeHandler(handler)


def _line(record: logging.LogRecord) -> LogLine:
    told: dict[str, object] = {"logger": record.name, **getattr(record, "facts", {})}
    if record.exc_info:
        told["exception"] = logging.Formatter().formatException(record.exc_info)
    at = datetime.fromtimestamp(record.created, UTC)
    return LogLine(at, record.levelname.lower(), record.getMessage(), told)
