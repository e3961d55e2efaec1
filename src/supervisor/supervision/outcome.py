"""How commands that execute runs end."""

from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.board.report import RunReport, SessionReport
from supervisor.model.states import RunStatus
from supervisor.store.sessions import SessionRow
from supervisor.supervision.control.changes import Answer


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


@dataclass(frozen=True)
class ResumeOutcome:
    """How a command ended that went on with runs.

    Attributes:
        answers: What was to go on; the runs that others execute have holders.
        runs: Those that it executed itself, as they stand now.
        sessions: In which these are.
        signal: The number of the signal that ended it early; None if it went on to the end.
    """

    answers: Sequence[Answer] = ()
    runs: Sequence[RunReport] = ()
    sessions: Sequence[SessionRow] = ()
    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """What the command exits with."""
        if self.signal is not None:
            return 128 + self.signal
        succeeded = all(run.status is RunStatus.SUCCEEDED for run in self.runs)
        return 0 if succeeded and all(answer.was_possible for answer in self.answers) else 1
