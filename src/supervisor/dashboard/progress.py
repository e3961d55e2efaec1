"""Watching runs go on: a live table on a terminal, one line per change elsewhere."""

import os
import sys
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from supervisor.board.progress import RunProgress, counted, shown_pages
from supervisor.clock import Clock
from supervisor.dashboard.drawing import RUN_STYLES, bar, clock_time
from supervisor.model.paths import printable
from supervisor.model.states import ACTIVE, RunStatus

_WITHOUT_REASON = frozenset({RunStatus.RUNNING, RunStatus.SUCCEEDED})
_BAR_CELLS = 20
_REFRESHES_PER_SECOND = 8


class StandardError(Console):
    """The terminal, or wherever standard error goes; once nobody reads it any more, it is silent.

    A supervisor goes on when the pipe that its lines went into is closed: its runs are what matters.
    """

    def __init__(self) -> None:
        super().__init__(stderr=True, highlight=False)

    def on_broken_pipe(self) -> None:
        """Print nothing from now on; rich would end the process."""
        self.quiet = True
        # What is still buffered goes nowhere, so that flushing it at exit does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


class ProgressView:
    """Shows runs while they go on; a context manager around the time in which they do. This one shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return

    def update(self, progress: RunProgress) -> None:
        """Take in how a run stands now."""

    def note(self, line: str) -> None:
        """Show a line that concerns no single run's state."""


class _Display(Live):
    """Draws again and again from a thread of rich's own; lines are printed between two drawings."""

    def say(self, line: Text) -> None:
        """Print a line above what is drawn."""
        # Printing alone takes no lock from the first look at the height of what stands there to its replacement: drawn
        # meanwhile with another height, it would go, and lines above it with it, or be left there.
        with self._lock:
            self.console.print(line)


class LiveTable(ProgressView):
    """A table that is drawn again in place: one row a run, with its pages as a bar."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._rows: dict[str, RunProgress] = {}
        self._begun: dict[str, float] = {}
        self._ended: dict[str, float] = {}
        self._live = _Display(
            console=console, get_renderable=self._table, refresh_per_second=_REFRESHES_PER_SECOND, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def update(self, progress: RunProgress) -> None:
        """Take in how a run stands now; its time counts from its first claim, until it has ended or rests."""
        run_id, now = progress.run_id, self._clock.monotonic()
        before, self._rows[run_id] = self._rows.get(run_id), progress
        if progress.status is RunStatus.RUNNING:
            goes_on = before is not None and before.status in ACTIVE
            self._begun[run_id] = self._begun.get(run_id, now) if goes_on else now
            self._ended.pop(run_id, None)
        elif run_id in self._begun:
            self._ended.setdefault(run_id, now)
        self._tell(before, progress)

    def _tell(self, _before: RunProgress | None, progress: RunProgress) -> None:
        """Print what the table has no room for: why a run goes back to the queue."""
        if progress.status is RunStatus.QUEUED and progress.error:
            self.note(_stage(progress))

    def note(self, line: str) -> None:
        """Print a line above the table."""
        self._live.say(Text(printable(line)))

    def _table(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("run", "state", "documents"):
            table.add_column(name, no_wrap=name == "documents")
        table.add_column("pages", no_wrap=True)
        table.add_column("failed", justify="right")
        table.add_column("time", justify="right", no_wrap=True)
        # A copy: this is drawn in a thread of rich's, while rows come and go.
        for row in list(self._rows.values()):
            table.add_row(
                Text(row.run_id),
                Text(row.stage, style=RUN_STYLES[row.status]),
                f"{row.documents_done}/{row.documents}",
                _bar(row),
                Text(str(row.documents_failed), style="red" if row.documents_failed else "dim"),
                self._time(row.run_id),
            )
        return table

    def _time(self, run_id: str) -> str:
        begun = self._begun.get(run_id)
        if begun is None:
            return ""
        return clock_time(self._ended.get(run_id, self._clock.monotonic()) - begun)


class LiveQueue(LiveTable):
    """The same for runs that come one after another: a row for each that executes, a line for each that has ended."""

    def _tell(self, before: RunProgress | None, progress: RunProgress) -> None:
        if failure := _failure(before, progress):
            self.note(failure)
        if progress.status is not RunStatus.RUNNING:
            # Others may execute it from now on, and nobody would tell us.
            self._forget(progress.run_id)
            self.note(_stage(progress))

    def _forget(self, run_id: str) -> None:
        for known in (self._rows, self._begun, self._ended):
            known.pop(run_id, None)

    def _table(self) -> RenderableType:
        return super()._table() if self._rows else Text("nothing to do", style="dim")


class PlainLines(ProgressView):
    """One line for every change of a run's stage and every failed document; nothing is drawn over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, RunProgress] = {}

    def update(self, progress: RunProgress) -> None:
        """Print what has changed, if a reader of a log would want to know."""
        before = self._rows.get(progress.run_id)
        self._rows[progress.run_id] = progress
        if failure := _failure(before, progress):
            self.note(failure)
        if before is None or progress.stage != before.stage:
            self.note(_stage(progress))

    def note(self, line: str) -> None:
        """Print a line."""
        self._console.print(Text(printable(line)), soft_wrap=True)


def _failure(before: RunProgress | None, progress: RunProgress) -> str | None:
    if before is None or progress.documents_failed <= before.documents_failed:
        return None
    return f"{progress.run_id}: failed: {progress.error}"


def _stage(progress: RunProgress) -> str:
    why = f": {progress.error}" if progress.error and progress.status not in _WITHOUT_REASON else ""
    return f"{progress.run_id}: {progress.stage}{_counts(progress)}{why}"


def _bar(row: RunProgress) -> Text:
    if not row.pages:
        return Text("")
    done = sum(row.pages_done.values())
    # Documents that are not opened yet have pages that nobody has counted.
    more = "+" if row.documents_opened < row.documents and row.status is RunStatus.RUNNING else ""
    return bar(done, row.pages, _BAR_CELLS, RUN_STYLES[row.status]).append(f" {done}/{row.pages}{more}", "")


def _counts(progress: RunProgress) -> str:
    if progress.status in {RunStatus.SUCCEEDED, RunStatus.FAILED}:
        done = f"{progress.documents_done} of {counted(progress.documents, 'document')}"
        pages = shown_pages(sum(progress.pages_done.values()), progress.pages_done, progress.because)
        return f" ({done}, {pages})"
    return f" ({counted(progress.documents, 'document')})" if progress.stage == RunStatus.QUEUED else ""
