"""What a view remembers of the runs that it shows: how they stand, since when, and how fast they go on."""

from collections.abc import Iterable

from supervisor.board.progress import RunProgress
from supervisor.clock import Clock
from supervisor.dashboard.pace import Pace
from supervisor.model.states import ACTIVE, RunStatus


class Watch:
    """Runs in the order in which they were first seen."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none."""
        self._clock = clock
        self._rows: dict[str, RunProgress] = {}
        self._begun: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._paces: dict[str, Pace] = {}
        self._pace = Pace()
        self._pages = 0

    @property
    def rows(self) -> list[RunProgress]:
        """How each run stands."""
        return list(self._rows.values())

    def update(self, progress: RunProgress) -> RunProgress | None:
        """Take in how a run stands now, and return how it stood before.

        Its time counts from its first claim, until it has ended or rests.
        """
        run_id, now = progress.run_id, self._clock.monotonic()
        before, self._rows[run_id] = self._rows.get(run_id), progress
        if progress.status is RunStatus.RUNNING:
            goes_on = before is not None and before.status in ACTIVE
            self._begun[run_id] = self._begun.get(run_id, now) if goes_on else now
            self._ended.pop(run_id, None)
        elif run_id in self._begun:
            self._ended.setdefault(run_id, now)
        self._paces.setdefault(run_id, Pace()).note(now, progress.pages_finished)
        # An executor that begins tells of every page, also of those that are stored.
        self._pages += max(0, progress.pages_finished - (before.pages_finished if before else 0))
        self._pace.note(now, self._pages)
        return before

    def forget(self, run_id: str) -> None:
        """Show a run no more."""
        for known in (self._rows, self._begun, self._ended, self._paces):
            known.pop(run_id, None)

    def seconds(self, run_id: str) -> float | None:
        """Return for how long a run has been executing; None before its first claim."""
        begun = self._begun.get(run_id)
        return None if begun is None else self._ended.get(run_id, self._clock.monotonic()) - begun

    def seconds_left(self, run: RunProgress) -> float | None:
        """Return how long a run that executes still takes; None if nobody can tell."""
        if run.status is not RunStatus.RUNNING:
            return None
        return self._paces[run.run_id].seconds_left(self._clock.monotonic(), _left([run]))

    @property
    def pages_per_second(self) -> float | None:
        """How many pages all runs together finish; None while nobody can tell."""
        return self._pace.per_second(self._clock.monotonic())

    @property
    def all_seconds_left(self) -> float | None:
        """How long everything still takes that has not ended; None if nobody can tell."""
        return self._pace.seconds_left(self._clock.monotonic(), _left(self.rows))


def _left(runs: Iterable[RunProgress]) -> float:
    """Return how many pages are left to do; documents that were not opened yet count as much as others do."""
    runs = list(runs)
    opened = sum(run.documents_opened for run in runs)
    usual = sum(run.pages for run in runs) / opened if opened else 1.0
    return sum(_expected(run, usual) - run.pages_finished for run in runs if run.status in ACTIVE)


def _expected(run: RunProgress, usual: float) -> float:
    own = run.pages / run.documents_opened if run.documents_opened else usual
    return run.pages + own * (run.documents - run.documents_opened)
