"""What a queue of runs should be like after all that was done to it, kept in dictionaries."""

from dataclasses import dataclass

from supervisor.model.intents import Intent
from supervisor.model.rescue import RESCUE_LIMIT
from supervisor.model.states import ACTIVE, RunStatus, SessionStatus, session_outcome
from supervisor.store.claims import Scope
from supervisor.store.runs import RunRow

DEEDS = {
    "succeeded": RunStatus.SUCCEEDED,
    "failed": RunStatus.FAILED,
    "cancelled": RunStatus.CANCELLED,
    "interrupted": RunStatus.QUEUED,
    "retrying": RunStatus.QUEUED,
    "retrying later": RunStatus.QUEUED,
}
"""How a holder may part with its run."""


@dataclass(frozen=True)
class Place:
    """Where a run waits for its turn."""

    session: str
    repository: str
    lane: str | None
    priority: int

    def is_in(self, scope: Scope) -> bool:
        return scope.session_id in {None, self.session} and (
            scope.repositories is None or self.repository in scope.repositories
        )


@dataclass
class Known:
    """A run; `beats` counts the changes of its heartbeat."""

    place: Place
    status: RunStatus = RunStatus.QUEUED
    attempt: int = 1
    term: int = 0
    rescues: int = 0
    worker: str | None = None
    beats: int = 0
    is_silent: bool = False
    is_due: bool = True
    is_paused: bool = False
    is_cancelled: bool = False

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def waits(self) -> bool:
        return self.status is RunStatus.QUEUED and not self.is_paused


class Model:
    """Runs by row, sessions, and what was said and stored under which term.

    Attributes:
        steps: Of each run: from which state, to which, under which term, by whom.
        said: Run, term and deed of what holders did: they may say it again, if the answer was lost.
        pages: The text by run, attempt and page number.
        documents: The error by run and attempt.
    """

    def __init__(self) -> None:
        self.runs: dict[int, Known] = {}
        self.sessions = dict.fromkeys("st", SessionStatus.RUNNING)
        self.steps: dict[int, list[tuple[RunStatus | None, RunStatus, int, str]]] = {}
        self.claims: list[tuple[int, int, str]] = []
        self.said: set[tuple[int, int, str]] = set()
        self.pages: dict[tuple[int, int, int], str] = {}
        self.documents: dict[tuple[int, int], str] = {}

    def add(self, run: int, place: Place) -> None:
        self.runs[run] = Known(place)
        self.steps[run] = [(None, RunStatus.QUEUED, 0, "anna")]

    def is_current(self, row: RunRow) -> bool:
        known = self.runs[row.id]
        return (known.status, known.term) == (row.status, row.lease_term)

    def running(self) -> dict[int, Known]:
        return {run: known for run, known in self.runs.items() if known.status is RunStatus.RUNNING}

    def silent(self, scope: Scope) -> set[int]:
        return {run for run, known in self.running().items() if known.is_silent and known.place.is_in(scope)}

    def next_in(self, scope: Scope) -> int | None:
        """Return the run that a worker gets which is there for a scope."""
        busy = {(known.place.session, known.place.lane) for known in self.running().values() if known.place.lane}
        due = [
            (known.place.priority, run)
            for run, known in self.runs.items()
            if known.waits
            and known.is_due
            and known.place.is_in(scope)
            and self.sessions[known.place.session] is SessionStatus.RUNNING
            and (known.place.session, known.place.lane) not in busy
        ]
        return min(due)[1] if due else None

    def claim(self, run: int, worker: str) -> None:
        known = self.runs[run]
        known.term += 1
        known.worker = worker
        self.beat(run)
        self._step(run, RunStatus.RUNNING, worker)
        self.claims.append((run, known.term, worker))

    def beat(self, run: int, *, is_silent: bool = False) -> None:
        self.runs[run].beats += 1
        self.runs[run].is_silent = is_silent

    def act(self, row: RunRow, deed: str) -> bool:
        """Let a holder part with its run; False if it is not its run."""
        if not self.is_current(row) or row.claimed_by is None:
            return False
        self.said.add((row.id, row.lease_term, deed))
        self._step(row.id, DEEDS[deed], row.claimed_by)
        self.runs[row.id].attempt += deed.startswith("retrying")
        self.runs[row.id].is_due = deed != "retrying later"
        return True

    def rescue(self, run: int, rescuer: str) -> None:
        again = self.runs[run].rescues < RESCUE_LIMIT and not self.runs[run].is_cancelled
        ended = RunStatus.CANCELLED if self.runs[run].is_cancelled else RunStatus.FAILED
        self._step(run, RunStatus.QUEUED if again else ended, rescuer)
        self.runs[run].rescues += again

    def cancel(self, run: int, actor: str) -> None:
        self._step(run, RunStatus.CANCELLED, actor)

    def want(self, run: int, what: str) -> bool:
        """Let somebody want something of a run; False if nothing comes of it."""
        known = self.runs[run]
        match what:
            case "cancel":
                comes_true = known.status is RunStatus.RUNNING and not known.is_cancelled
                known.is_cancelled |= comes_true
            case "pause":
                comes_true = known.is_active and not known.is_paused
                known.is_paused |= comes_true
            case _:
                comes_true = known.is_active and known.is_paused
                known.is_paused &= not comes_true
        return comes_true

    def wanted(self) -> dict[int, Intent]:
        """Return what is wanted of running runs."""
        resting = {run for run, known in self.running().items() if known.is_paused or self._pauses(known)}
        cancelled = {run for run, known in self.running().items() if known.is_cancelled}
        return dict.fromkeys(resting, Intent.PAUSE) | dict.fromkeys(cancelled, Intent.CANCEL)

    def _pauses(self, known: Known) -> bool:
        return self.sessions[known.place.session] is SessionStatus.PAUSED

    def conclude(self, session_id: str) -> None:
        statuses = [known.status for known in self.runs.values() if known.place.session == session_id]
        self.sessions[session_id] = session_outcome(statuses) or self.sessions[session_id]

    def _step(self, run: int, to_status: RunStatus, actor: str) -> None:
        known = self.runs[run]
        self.steps[run].append((known.status, to_status, known.term, actor))
        known.status = to_status
        if to_status is RunStatus.QUEUED:
            known.worker = None
