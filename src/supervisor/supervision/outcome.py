"""How commands that execute runs end."""

from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.board.report import RunReport, SessionReport
from supervisor.model.states import RunStatus


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        report: The session and the runs that were named.
        signal: The number of the signal that ended it early; None if it went on to the end.
    """

    report: SessionReport
    signal: int | None

    @property
    def exit_code(self) -> int:
        """What the command exits with."""
        return self.report.exit_code if self.signal is None else 128 + self.signal


@dataclass(frozen=True)
class WorkOutcome:
    """How a worker process ended.

    Attributes:
        supervisor_id: What the names of its workers began with.
        runs: Those that it executed, in the order in which it claimed them, as they stand now.
        signal: The number of the signal that ended it; None if there was nothing left to do.
    """

    supervisor_id: str
    runs: Sequence[RunReport]
    signal: int | None

    @property
    def exit_code(self) -> int:
        """What the command exits with."""
        if self.signal is not None:
            return 128 + self.signal
        return 1 if any(run.status in {RunStatus.FAILED, RunStatus.CANCELLED} for run in self.runs) else 0
