"""What a worker in the hands of a program is given to do, and what it is told about it meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.errors import HeldError
from supervisor.model.intents import Intent
from supervisor.ocr.jobs.job import Job
from supervisor.store.runs import RunRow


class StaleTaskError(HeldError):
    """A task is its worker's no more: it was given to another one, or the worker itself has ended."""


@dataclass(frozen=True)
class TaskDocument:
    """A document of a task.

    Attributes:
        path: From the top of the repository, in its text form, by which results are delivered.
        file: The document in the workspace.
        job: The job that says how it is to be recognised.
        pages_done: The numbers of the pages that are stored already: an earlier holder of the task was interrupted.
        is_done: Whether it was finished then, so that nothing remains to be done for it.
    """

    path: str
    file: Path
    job: Job
    pages_done: Sequence[int]
    is_done: bool


@dataclass(frozen=True)
class Task:
    """A run that a worker has claimed, and that nobody else executes.

    Attributes:
        attempt: From 1; an attempt that goes on after an interruption keeps its number.
        lease_term: Of this claim; what is done under an earlier one is refused.
        timeout_seconds: How long the attempt may take; None for no limit. It is the worker's to keep.
        spec: What is to be done, as it is stored.
        documents: The same, document by document.
        workspace: The worktree at `commit`, with the documents and job files of the run.
        artifacts: The directory of the run.
        output: Files that are put there are the run's `output/` when it has succeeded or failed.
    """

    run_id: str
    session_id: str
    lane: str | None
    attempt: int
    lease_term: int
    commit: str
    timeout_seconds: int | None
    spec: Mapping[str, object]
    documents: Sequence[TaskDocument]
    workspace: Path
    artifacts: Path
    output: Path


@dataclass(frozen=True)
class Heartbeat:
    """What a worker is told when it says that it is there.

    Attributes:
        run_id: What it is at; None if it is at nothing.
        is_lost: Whether that was given to another worker: nothing more that is delivered for it counts.
        intent: Whether somebody wants it cancelled or paused: in both cases it is to be released.
    """

    worker_id: str
    run_id: str | None = None
    is_lost: bool = False
    intent: Intent | None = None

    @property
    def goes_on(self) -> bool:
        """Whether there is no reason to stop working."""
        return not self.is_lost and self.intent is None


def stale(row: RunRow) -> StaleTaskError:
    """Return the error for a task that is its worker's no more."""
    return StaleTaskError(
        f"run {row.run_id!r} is no longer the task of worker {row.claimed_by!r} under lease term {row.lease_term}: "
        "it was given to another one, or has ended; nothing was stored",
        hint=f"supervisor show {row.run_id} tells what became of it",
    )
