"""Watching runs go on: a live table on a terminal, one line for each change elsewhere."""

from collections.abc import Iterator
from threading import Lock
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.text import Text

from supervisor.board.progress import RunProgress
from supervisor.clock import Clock
from supervisor.dashboard.runs.lines import document_lines, pages_line, stage_line
from supervisor.dashboard.runs.table import drawn_runs
from supervisor.dashboard.runs.watch import Watch
from supervisor.dashboard.terminal import Display
from supervisor.model.paths import printable
from supervisor.model.states import RunStatus

_SILENT_SECONDS = 60.0


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


class LiveTable(ProgressView):
    """A table that is drawn again in place: one row a run, with its pages as a bar."""

    idle = ""

    def __init__(self, console: Console, clock: Clock, *, verbose: bool = False) -> None:
        """Remember where to draw, and whether to print a line above for every document."""
        self._console = console
        self._verbose = verbose
        self._watch = Watch(clock)
        # Drawing is done in a thread of rich's, while runs come and go.
        self._lock = Lock()
        self._live = Display(console, self._draw)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def update(self, progress: RunProgress) -> None:
        """Take in how a run stands now."""
        with self._lock:
            before = self._watch.update(progress)
        for line in self._lines(before, progress):
            self._live.say(line)

    def note(self, line: str) -> None:
        """Print a line above the table."""
        self._live.say(Text(printable(line)))

    def _lines(self, before: RunProgress | None, progress: RunProgress) -> Iterator[Text]:
        """Return what the table has no room for: why a run goes back to the queue."""
        if self._verbose:
            yield from document_lines(progress, verbose=True)
        has_changed = before is None or (before.stage, before.error) != (progress.stage, progress.error)
        if has_changed and progress.status is RunStatus.QUEUED and progress.error:
            yield stage_line(progress)

    def _draw(self) -> RenderableType:
        with self._lock:
            if not self._watch.rows:
                return Text(self.idle, style="dim")
            return drawn_runs(self._watch, self._console.size)


class LiveQueue(LiveTable):
    """The same for runs that come one after another: a row for each that executes, a line for each that has ended."""

    idle = "nothing to do"

    def _lines(self, _before: RunProgress | None, progress: RunProgress) -> Iterator[Text]:
        yield from document_lines(progress, verbose=self._verbose)
        if progress.status is not RunStatus.RUNNING:
            # Others may execute it from now on, and nobody would tell us.
            with self._lock:
                self._watch.forget(progress.run_id)
            yield stage_line(progress)


class PlainLines(ProgressView):
    """One line for every change of a run's stage and every failed document; nothing is drawn over.

    Once a minute a run that says nothing tells how far it is: systems for CI end what is silent for ten.
    """

    def __init__(self, console: Console, clock: Clock, *, verbose: bool = False) -> None:
        """Remember where to print, and whether to print a line for every document."""
        self._console = console
        self._clock = clock
        self._verbose = verbose
        self._watch = Watch(clock)
        self._said: dict[str, float] = {}

    def update(self, progress: RunProgress) -> None:
        """Print what has changed, if a reader of a log would want to know."""
        before, now = self._watch.update(progress), self._clock.monotonic()
        lines = list(document_lines(progress, verbose=self._verbose))
        if before is None or (progress.stage, progress.resume) != (before.stage, before.resume):
            lines.append(stage_line(progress))
        elif not lines and progress.pages and now - self._said[progress.run_id] >= _SILENT_SECONDS:
            lines.append(pages_line(progress, self._watch.seconds_left(progress)))
        for line in lines:
            self._print(line)
            self._said[progress.run_id] = now

    def note(self, line: str) -> None:
        """Print a line."""
        self._print(Text(printable(line)))

    def _print(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
