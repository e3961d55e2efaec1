"""How fast pages are finished, and how long the rest takes at that rate."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from supervisor.store.overview import Pace, SessionSums
from supervisor.store.progress import ProgressCounts
from supervisor.store.watched_runs import RunningRun


def pages_per_second(running: Iterable[RunningRun], at: datetime) -> float | None:
    """Return at which rate running runs have finished pages since their claims, together; None if nobody can tell."""
    rates = [run.counts.pages_done / seconds for run in running if (seconds := _seconds(run, at))]
    return sum(rates) if rates else None


def remaining_seconds(
    sums: SessionSums,
    running: Collection[RunningRun],
    ended: Pace | None,
    everywhere: Iterable[ProgressCounts],
    at: datetime,
) -> float | None:
    """Return how long the runs of a session take to finish what is left of them; None if that cannot be told.

    As many of them go on at a time as do now, each at the pace that those had on average that execute or have ended.
    Documents that have not told their pages are taken to have as many as others on average.

    Args:
        sums: Of the session.
        running: Its runs that execute.
        ended: Those that have ended; None if none has.
        everywhere: All runs of the repository, for the average, as long as no document of the session is known.
        at: Now.
    """
    left: float = sums.pages_left
    if sums.documents_unknown:
        mean = _pages_per_document([sums.counts]) or _pages_per_document(everywhere)
        if mean is None:
            return None
        left += sums.documents_unknown * mean
    pace = _pages_per_second_of_one(running, ended, at)
    return left / (pace * len(running)) if pace else None


def _pages_per_second_of_one(running: Iterable[RunningRun], ended: Pace | None, at: datetime) -> float | None:
    done = [Pace(run.counts.pages_done, seconds) for run in running if (seconds := _seconds(run, at))]
    done += [ended] if ended else []
    seconds = sum(one.seconds for one in done)
    return sum(one.pages for one in done) / seconds if running and seconds > 0 else None


def _seconds(run: RunningRun, at: datetime) -> float | None:
    """Return for how long a run has executed; None as long as nothing was told of that."""
    # What was noted before the claim is of another term.
    if run.claimed_at is None or run.updated_at is None or run.updated_at <= run.claimed_at or at <= run.claimed_at:
        return None
    return (at - run.claimed_at).total_seconds()


def _pages_per_document(known: Iterable[ProgressCounts]) -> float | None:
    counts: Sequence[ProgressCounts] = list(known)
    opened = sum(one.documents_opened for one in counts)
    return sum(one.pages for one in counts) / opened if opened else None
