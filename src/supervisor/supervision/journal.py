"""What a supervisor tells of its work, in a log that all of its runs directory share, and in those of its runs."""

import threading
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from supervisor.artifacts.layout import RunsDirectory
from supervisor.artifacts.logs import LineFile
from supervisor.logs.lines import DEFAULT_LEVEL, LogLine

if TYPE_CHECKING:
    from supervisor.logs.loggers import Log


class OfRun(Protocol):
    """A row of a run, as far as its lines name it."""

    @property
    def run_id(self) -> str:
        """Its run id."""
        ...

    @property
    def attempt(self) -> int:
        """The attempt that it is at."""
        ...

    @property
    def lease_term(self) -> int:
        """The latest one."""
        ...


class Journal:
    """The log of one supervisor; it holds nobody up when it cannot be written."""

    def __init__(
        self,
        directory: RunsDirectory,
        supervisor_id: str,
        *,
        level: str = DEFAULT_LEVEL,
        listener: Callable[[LogLine], None] | None = None,
    ) -> None:
        """Make it ready; files are made with the first lines.

        Args:
            directory: Where the logs are.
            supervisor_id: On every line.
            level: From which on lines are written.
            listener: Told of every line, too, in whatever thread it was written.
        """
        self._directory = directory
        self._file = LineFile(directory.log)
        self._guard = threading.Lock()
        self._listener = listener
        self._supervisor_id = supervisor_id
        self._level = level

    @cached_property
    def log(self) -> "Log":
        """For what concerns no run."""
        # Loaded only now: structlog would cost commands that execute nothing a tenth of their start.
        loggers = import_module("supervisor.logs.loggers")
        log: Log = loggers.Log.to(self._write, level=self._level, supervisor=self._supervisor_id)
        return log

    @property
    def is_watched(self) -> bool:
        """Whether somebody is told of every line."""
        return self._listener is not None

    def of(self, row: OfRun) -> "Log":
        """Return the log for what concerns a run: its lines get into the run's own log as well."""
        return self.log.bind(run_id=row.run_id, attempt=row.attempt, lease_term=row.lease_term)

    def _write(self, line: LogLine) -> None:
        files = [self._file]
        if "run_id" in line.facts:
            files.append(LineFile(self._directory.run(str(line.facts["run_id"])).log))
        with self._guard:
            for file in files:
                file.write(line)
                file.close()
        if self._listener is not None:
            self._listener(line)
