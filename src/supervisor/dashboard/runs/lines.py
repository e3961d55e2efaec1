"""What is said of runs in lines: what has changed, which documents are finished, how far it is."""

from collections.abc import Iterator

from rich.text import Text

from supervisor.board.progress import RunProgress, counted, shown_pages
from supervisor.dashboard.drawing import RUN_STYLES, clock_time
from supervisor.executor.messages import EndedDocument
from supervisor.model.paths import printable
from supervisor.model.states import RunStatus

_WITHOUT_REASON = frozenset({RunStatus.RUNNING, RunStatus.SUCCEEDED})
_ENDED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED})


def document_lines(progress: RunProgress, *, verbose: bool) -> Iterator[Text]:
    """Return a line for each document that failed since the last look; for every one that is finished if `verbose`."""
    for document in progress.ended:
        if document.error is not None:
            style = RUN_STYLES[RunStatus.FAILED]
            yield _line(progress.run_id, "failed", style, f": {document.path}: {document.error}")
        elif verbose:
            yield _line(progress.run_id, document.path, "", f" ({', '.join(_figures(document))})")


def stage_line(progress: RunProgress) -> Text:
    """Return what a run does now, or what came of it, and why."""
    why = f": {progress.error}" if progress.error and progress.status not in _WITHOUT_REASON else ""
    if progress.resume is not None:
        why = f": supervisor resume {progress.resume}"
    return _line(progress.run_id, progress.stage, RUN_STYLES[progress.status], f"{_counts(progress)}{why}")


def pages_line(progress: RunProgress, seconds_left: float | None) -> Text:
    """Return how far a run is: `letters: 120 of 800+ pages, about 12:30 left`."""
    left = "" if seconds_left is None else f", about {clock_time(seconds_left)} left"
    done = f"{progress.pages_finished:,} of {shown_total(progress)} pages"
    return _line(progress.run_id, done, "", left)


def shown_total(progress: RunProgress) -> str:
    """Return how many pages a run has; with a `+` while documents that are not opened yet have pages nobody counted."""
    is_open = progress.documents_opened < progress.documents and progress.status is RunStatus.RUNNING
    return f"{progress.pages:,}{'+' if is_open else ''}"


def _line(run_id: str, word: str, style: str, rest: str) -> Text:
    return Text(f"{run_id}: ").append(printable(word), style=style).append(printable(rest))


def _figures(document: EndedDocument) -> Iterator[str]:
    yield shown_pages(sum(document.pages.values()), document.pages, {})
    if document.seconds:
        yield f"{document.seconds:.1f} s"
    if document.mean_confidence is not None:
        yield f"confidence {document.mean_confidence:.0f}"
    if document.weak_pages:
        yield counted(document.weak_pages, "weak page")


def _counts(progress: RunProgress) -> str:
    if progress.status in _ENDED:
        succeeded = progress.documents_done - progress.documents_failed
        done = f"{succeeded} of {counted(progress.documents, 'document')}"
        pages = shown_pages(progress.pages_finished, progress.pages_done, progress.because)
        return f" ({done}, {pages})"
    return f" ({counted(progress.documents, 'document')})" if progress.stage == RunStatus.QUEUED else ""
