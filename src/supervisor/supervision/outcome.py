"""How commands that execute runs end."""

from collections.abc import Sequence
from dataclasses import dataclass
from signal import Signals

from supervisor.board.progress import counted
from supervisor.board.report import RunReport, SessionReport
from supervisor.errors import SupervisorError
from supervisor.model.states import RunStatus
from supervisor.store.sessions import SessionRow
from supervisor.supervision.control.changes import Answer
from supervisor.supervision.results import RunResult


class RunsFailedError(SupervisorError):
    """Not every run succeeded; the exit code is that of the command."""

    def __init__(self, message: str, exit_code: int, *, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Outcome:
    """How runs have ended that were named; `outcome["letters"]` is one of them.

    Attributes:
        report: The session and the runs that were named, as `--json` tells of them.
        signal: The number of the signal that ended it early; None if it went on to the end.
        runs: What came of each, in the order in which they were named.
    """

    report: SessionReport
    signal: int | None
    runs: Sequence[RunResult]

    def __getitem__(self, run_id: str) -> RunResult:
        for run in self.runs:
            if run.run_id == run_id:
                return run
        raise KeyError(f"no run {run_id!r} was named: {', '.join(run.run_id for run in self.runs)}")

    @property
    def ok(self) -> bool:
        """Whether every run succeeded."""
        return self.exit_code == 0

    @property
    def failed(self) -> list[RunResult]:
        """The runs that did not succeed: failed, cancelled, or not at their end when a signal came."""
        return [run for run in self.runs if not run.ok]

    def raise_for_status(self) -> None:
        """Do nothing if every run succeeded.

        Raises:
            RunsFailedError: Not every one did; its message names them, with their reasons.
        """
        if self.ok:
            return
        named = "; ".join(f"{run.run_id} {run.status}{f' ({run.error})' if run.error else ''}" for run in self.failed)
        told = f"{len(self.failed)} of {counted(len(self.runs), 'run')} did not succeed: {named}" if named else ""
        stopped = f"stopped by {Signals(self.signal).name}" if self.signal is not None else ""
        hint = f"supervisor show {self.failed[0].run_id}" if named else None
        raise RunsFailedError("; ".join(filter(None, (stopped, told))), self.exit_code, hint=hint)

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
