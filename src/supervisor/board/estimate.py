"""How fast pages are finished, and how long the rest takes at that rate."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from supervisor.model.states import ACTIVE
from supervisor.store.overview import RunGroup, WatchedRun
from supervisor.store.progress import ProgressCounts


def pages_done(counts: ProgressCounts) -> int:
    """Return how many pages are finished, however."""
    read = counts.pages_ocr + counts.pages_text_layer + counts.pages_cache + counts.pages_blank
    return read + counts.pages_skipped + counts.pages_failed


def pages_per_second(running: Iterable[WatchedRun], at: datetime) -> float | None:
    """Return at which rate running runs have finished pages since their claims, together; None if nobody can tell."""
    rates = [pages_done(run.counts) / seconds for run in running if (seconds := _seconds(run, at))]
    return sum(rates) if rates else None


def remaining_seconds(
    groups: Sequence[RunGroup], running: Sequence[WatchedRun], everywhere: Sequence[RunGroup], at: datetime
) -> float | None:
    """Return how long the runs of a session take to finish what is left of them; None if that cannot be told.

    As many of them go on at a time as do now, each at the pace that those had on average that execute or have ended.
    Documents that have not told their pages are taken to have as many as others on average.

    Args:
        groups: The runs of the session; what is paused among them is not waited for.
        running: Those of them that execute.
        everywhere: The runs of the whole repository, for the average, as long as no document of the session is known.
        at: Now.
    """
    left = _pages_left(groups, everywhere)
    pace = _pages_per_second_of_one(groups, running, at)
    return left / (pace * len(running)) if left is not None and pace and running else None


def _pages_left(groups: Sequence[RunGroup], everywhere: Sequence[RunGroup]) -> float | None:
    going_on = [group for group in groups if group.status in ACTIVE and not group.is_paused]
    known = sum(group.counts.pages - pages_done(group.counts) for group in going_on)
    unopened = sum(group.unopened for group in going_on)
    if not unopened:
        return known
    mean = _pages_per_document(groups) or _pages_per_document(everywhere)
    return None if mean is None else known + unopened * mean


def _pages_per_second_of_one(groups: Iterable[RunGroup], running: Iterable[WatchedRun], at: datetime) -> float | None:
    told = [(run, seconds) for run in running if (seconds := _seconds(run, at))]
    ended = [group for group in groups if group.status not in ACTIVE and group.seconds > 0]
    took = sum(seconds for _, seconds in told) + sum(group.seconds for group in ended)
    done = sum(pages_done(run.counts) for run, _ in told) + sum(pages_done(group.counts) for group in ended)
    return done / took if took else None


def _seconds(run: WatchedRun, at: datetime) -> float | None:
    """Return for how long a run has executed; None as long as nothing was told of that."""
    claimed_at = run.head.claimed_at
    # What was noted before that is of another term.
    if claimed_at is None or run.updated_at is None or run.updated_at <= claimed_at or at <= claimed_at:
        return None
    return (at - claimed_at).total_seconds()


def _pages_per_document(groups: Iterable[RunGroup]) -> float | None:
    known = [group.counts for group in groups]
    opened = sum(counts.documents_opened for counts in known)
    return sum(counts.pages for counts in known) / opened if opened else None
