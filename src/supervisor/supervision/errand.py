"""What a loop is there for: certain runs, or whatever comes."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from supervisor.board.progress import RunProgress
from supervisor.executor.spec import RunSpec
from supervisor.model.states import ACTIVE, RunStatus
from supervisor.store import claims, intents, runs
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.runs import RunRow
from supervisor.supervision.reap import GIVEN_BACK
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.workshop import Workshop

REMEMBERED = 1000


class Errand(Protocol):
    """Tells a loop when its work is done, and keeps what is known of each run between its attempts."""

    @property
    def sessions(self) -> Sequence[str]:
        """The sessions in which workers look for runs, in this order; none: where they were registered."""
        ...

    def goes_on(self) -> bool:
        """Tell whether there is or may be more to do, though no worker is busy."""
        ...

    def progress_of(self, row: RunRow) -> RunProgress:
        """Return what is known of a run that is claimed now."""
        ...

    def note(self, row: int, progress: RunProgress) -> None:
        """Remember what is known of a run that is not executed any more."""
        ...


class NamedRuns:
    """Certain runs, until all of them have ended, by whomever they are executed."""

    def __init__(self, shop: Workshop, rows: Mapping[int, RunProgress], sessions: Sequence[str] = ()) -> None:
        self.sessions = sessions
        self._shop = shop
        self._progress = dict(rows)
        self._resting: frozenset[int] = frozenset()

    def goes_on(self) -> bool:
        """Tell whether one of them has not ended; tell the observer what happens to them elsewhere, or does not."""
        with transaction(self._shop.engine) as connection:
            rows = runs.heads(connection, list(self._progress))
            paused = intents.paused(connection, [row.id for row in rows if row.status is RunStatus.QUEUED])
        for row in rows:
            known, resume = self._progress[row.id], paused.get(row.id)
            if resume is not None:
                stage = "paused"
            elif row.id in self._resting or known.status is not row.status:
                stage = f"executing ({row.claimed_by})" if row.status is RunStatus.RUNNING else row.status.value
            else:
                continue
            if (known.status, known.stage, known.resume) != (row.status, stage, resume):
                self._progress[row.id] = self._shop.show(
                    known, status=row.status, stage=stage, error=row.error, resume=resume
                )
        self._resting = frozenset(paused)
        return any(row.status in ACTIVE for row in rows)

    def progress_of(self, row: RunRow) -> RunProgress:
        """Return what is known of it."""
        return self._progress.get(row.id) or _new_progress(row)

    def note(self, row: int, progress: RunProgress) -> None:
        """Remember it."""
        if row in self._progress:
            self._progress[row] = progress


class Queue:
    """Whatever is queued in a scope."""

    sessions: Sequence[str] = ()

    def __init__(self, shop: Workshop, scope: Scope, rescuer: Rescuer, *, once: bool) -> None:
        """Remember what is wanted.

        Args:
            shop: What the steps of the loop share.
            scope: Whose runs are executed.
            rescuer: Knows of runs whose holders are gone: they are queued soon.
            once: Whether it is over when nothing is queued any more.
        """
        self._shop = shop
        self._scope = scope
        self._rescuer = rescuer
        self._once = once
        self._seen: dict[int, RunProgress] = {}
        self._unfit: set[int] = set()

    @property
    def rows(self) -> Sequence[int]:
        """The runs that were executed here, in the order of their first claims; the latest ones, if that has no end."""
        return list(self._seen)

    def goes_on(self) -> bool:
        """Tell whether something waits, or something may come that we wait for."""
        if not self._once or self._rescuer.pending:
            return True
        with transaction(self._shop.engine) as connection:
            return bool(claims.queued(connection, self._scope) - self._unfit)

    def progress_of(self, row: RunRow) -> RunProgress:
        """Return what is known of it: nothing, unless it was here before."""
        if not self._once and len(self._seen) >= REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return self._seen.setdefault(row.id, _new_progress(row))

    def note(self, row: int, progress: RunProgress) -> None:
        """Remember it, and whether it cannot be executed here."""
        self._seen[row] = progress
        if progress.stage == GIVEN_BACK:
            self._unfit.add(row)


def _new_progress(row: RunRow) -> RunProgress:
    documents = len(RunSpec.from_json(row.spec).documents)
    return RunProgress(row.run_id, RunStatus.QUEUED, "queued", documents=documents)
