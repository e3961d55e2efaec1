"""Standard output and standard error as people have them before them: whether they are drawn on, and in colour."""

import os
import sys
from collections.abc import Callable
from math import ceil

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import Control
from rich.live import Live
from rich.live_render import LiveRender
from rich.segment import ControlType, Segment
from rich.text import Text

from supervisor.colour import wanted_colour


class StandardOutput(Console):
    """Where reports go: in colour on a terminal, unless NO_COLOR is set or CLICOLOR is 0.

    Elsewhere it is in colour if FORCE_COLOR is set, or CLICOLOR_FORCE to other than 0.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        """Look at the stream and at the environment."""
        wanted = wanted_colour()
        has_terminal = (sys.stderr if stderr else sys.stdout).isatty()
        super().__init__(
            stderr=stderr,
            highlight=False,
            force_terminal=True if wanted or has_terminal else None,
            no_color=True if wanted is False else None,
        )

    @property
    def is_screen(self) -> bool:
        """Whether it is a terminal that can draw lines again in place, and not what shall merely have its colours."""
        return self.file.isatty() and not self.is_dumb_terminal


class StandardError(StandardOutput):
    """The terminal, or wherever standard error goes; once nobody reads it any more, it is silent.

    A supervisor goes on when the pipe that its lines went into is closed: its runs are what matters.
    """

    def __init__(self) -> None:
        """Look at the stream and at the environment."""
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        """Print nothing from now on; rich would end the process."""
        self.quiet = True
        # What is still buffered goes nowhere, so that flushing it at exit does not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


class Display(Live):
    """Draws again and again from a thread of rich's own; lines are printed between two drawings."""

    def __init__(
        self, console: Console, draw: Callable[[], RenderableType], *, refreshes_per_second: float = 8
    ) -> None:
        """Remember what to draw, and where; `draw` is called by that thread."""
        super().__init__(console=console, get_renderable=draw, refresh_per_second=refreshes_per_second, transient=True)
        self._live_render = _Drawn(console)

    def say(self, line: Text) -> None:
        """Print a line above what is drawn."""
        # Printing alone takes no lock from the first look at the height of what stands there to its replacement: drawn
        # meanwhile with another height, it would go, and lines above it with it, or be left there.
        with self._lock:
            self.console.print(line, soft_wrap=True)


class _Drawn(LiveRender):
    """Knows how many rows of the terminal are taken by now by what was drawn last.

    A terminal that becomes narrower breaks the lines that stand there: tmux does, and what comes of libvte, kitty,
    iTerm2, Windows Terminal. One that cuts them off, as xterm does, may lose a line above.
    """

    def __init__(self, console: Console) -> None:
        super().__init__("")
        self._console = console
        self._cells: list[int] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        drawn = super().__rich_console__(console, options)
        segments = [segment for segment in drawn if isinstance(segment, Segment)]
        self._cells = [Segment.get_line_length(line) for line in Segment.split_lines(segments)]
        yield from segments

    def position_cursor(self) -> Control:
        """Return what clears those rows and leads to the first of them."""
        columns = self._console.width
        rows = sum(max(1, ceil(cells / columns)) for cells in self._cells)
        if not rows:
            return Control()
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2))
        return Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *(up * (rows - 1)))
