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
    rates = [rate for run in running if (rate := _rate(run, at)) is not None]
    return sum(rates) if rates else None


def remaining_seconds(
    groups: Sequence[RunGroup], everywhere: Sequence[RunGroup], pages_per_second: float | None
) -> float | None:
    """Return how long runs take to finish what is left of them, at a rate; None if that cannot be told.

    Documents that have not told their pages are taken to have as many as others on average.

    Args:
        groups: The runs of a session; what is paused among them is not waited for.
        everywhere: Those of the whole repository, for the average, as long as no document of the session is known.
        pages_per_second: Of the session.
    """
    going_on = [group for group in groups if group.status in ACTIVE and not group.is_paused]
    if not going_on or not pages_per_second:
        return None
    pages: float = sum(group.counts.pages - pages_done(group.counts) for group in going_on)
    unopened = sum(group.unopened for group in going_on)
    if unopened > 0:
        mean = _pages_per_document(groups) or _pages_per_document(everywhere)
        if mean is None:
            return None
        pages += unopened * mean
    return max(0.0, pages / pages_per_second)


def _rate(run: WatchedRun, at: datetime) -> float | None:
    claimed_at = run.head.claimed_at
    # What was noted before that is of another term.
    if claimed_at is None or run.updated_at is None or run.updated_at <= claimed_at or at <= claimed_at:
        return None
    return pages_done(run.counts) / (at - claimed_at).total_seconds()


def _pages_per_document(groups: Iterable[RunGroup]) -> float | None:
    known = [group.counts for group in groups]
    opened = sum(counts.documents_opened for counts in known)
    return sum(counts.pages for counts in known) / opened if opened else None
