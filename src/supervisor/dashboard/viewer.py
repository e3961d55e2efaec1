"""Watching: a picture after the other on a terminal, until somebody leaves or there is nothing more to see."""

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

import psutil
from rich.text import Text

from supervisor.dashboard.config import DashboardConfig
from supervisor.dashboard.fullscreen import FullScreen
from supervisor.dashboard.lookout import Lookout, View
from supervisor.dashboard.picture.picture import Frame, draw
from supervisor.dashboard.sight import Sight
from supervisor.model.paths import printable
from supervisor.supervision.wakeup import Wakeup

_REDRAW = b"\x0c"  # Ctrl-L
# A database that does not answer for so long is one that is away.
_PATIENCE_SECONDS = 5.0


class Viewer:
    """Shows on a terminal what is looked at. If the terminal has keys, Ctrl-L draws everything anew.

    Args:
        terminal: Where pictures are drawn.
        config: How they look, and how often they change.
        hint: What stands beneath the picture.
        leaving: The keys that end it.
    """

    def __init__(self, terminal: FullScreen, config: DashboardConfig, *, hint: str, leaving: bytes = b"") -> None:
        self._terminal = terminal
        self._config = config
        self._wakeup = Wakeup()
        self._hint = hint
        self._leaving = leaving
        self._is_over = False
        self._is_suspended = False

    def close(self) -> None:
        """Give back what the viewer has open."""
        self._wakeup.close()

    def end(self) -> None:
        """Let it end, from any thread."""
        self._is_over = True
        self._wakeup.ring()

    def say(self, line: str) -> None:
        """Show a line beneath the picture from now on."""
        self._hint = line
        self._wakeup.ring()

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """Notice a new size of the terminal, and Ctrl-Z, while the block runs, if this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
            signal.SIGWINCH: self._wakeup.ring,
            signal.SIGTSTP: self._asked_to_suspend,
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def watch_until_signal(
        self, look: Callable[[], Sight], duration_seconds: float | None, is_over: Callable[[Sight], bool]
    ) -> signal.Signals | None:
        """Watch, until SIGINT, SIGTERM or SIGHUP comes in the main thread, or as `watch` says.

        Returns:
            The signal, if one came.
        """
        with self._wakeup.watching_signals(signal.SIGHUP), self.noticing():
            self.watch(look, duration_seconds, is_over)
        return self._wakeup.signals[0] if self._wakeup.signals else None

    def watch(
        self, look: Callable[[], Sight], duration_seconds: float | None, is_over: Callable[[Sight], bool]
    ) -> None:
        """Show one picture after the other.

        Args:
            look: Sees what is to be shown; the first look is made before anything is drawn.
            duration_seconds: How long; None until somebody leaves.
            is_over: Tells that there is nothing more to see.

        Raises:
            SupervisorError: What a look says, unless it is the database that is away after the first one.
        """
        begin, every_seconds = time.monotonic(), self._config.refresh_rate
        with Lookout(look, every_seconds, self._wakeup.ring) as lookout, self._terminal.taken():
            anew = False
            while True:
                view = lookout.view
                self._draw(view, anew=anew)
                if self._is_over or self._wakeup.signals or is_over(view.sight):
                    return
                left = every_seconds
                if duration_seconds is not None:
                    left = min(left, begin + duration_seconds - time.monotonic())
                    if left <= 0:
                        return
                keys = self._wait(left)
                if keys is not None and (not keys or any(key in self._leaving for key in keys)):
                    return
                anew = keys is not None and _REDRAW in keys
                if self._is_suspended:
                    self._suspend()

    def _wait(self, seconds: float) -> bytes | None:
        """Wait until something has changed; return keys, if some were pressed."""
        sources = [source for source in (self._wakeup, self._terminal.keys) if source is not None]
        ready, _, _ = select.select(sources, [], [], seconds)
        self._wakeup.heard()
        return self._terminal.pressed() if self._terminal.keys in ready else None

    def _draw(self, view: View, *, anew: bool) -> None:
        size = self._terminal.size
        frame = Frame(size.columns, size.lines, compact=self._config.compact_mode, footer=self._footer(view))
        self._terminal.show(draw(view.sight, frame), anew=anew)

    def _footer(self, view: View) -> Text:
        since = f"{view.at.astimezone():%H:%M:%S}"
        silent = (datetime.now(UTC) - view.at).total_seconds() - self._config.refresh_rate > _PATIENCE_SECONDS
        if view.trouble is None and not silent:
            return Text(printable(self._hint), style="dim", no_wrap=True)
        why = f": {view.trouble.message}" if view.trouble is not None else ""
        line = f"no answer from the database since {since}; above is how it stood then{why}"
        return Text(printable(line), style="yellow", no_wrap=True, overflow="ellipsis")

    def _asked_to_suspend(self, _number: int, _frame: FrameType | None) -> None:
        self._is_suspended = True
        self._wakeup.ring()

    def _suspend(self) -> None:
        """Give the terminal to the shell until it lets us go on; where there is none, go on at once."""
        self._is_suspended = False
        if not _has_shell():
            return
        self._terminal.give_back()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._terminal.take()


def _has_shell() -> bool:
    """Tell whether somebody is there who can let us go on: the system itself suspends no group of processes without.

    There is nobody where the command is all that a terminal was opened for, as with `ssh -t HOST supervisor dashboard`.
    """
    for ancestor in psutil.Process().parents():
        try:
            if os.getpgid(ancestor.pid) != os.getpgrp():
                return os.getsid(ancestor.pid) == os.getsid(0)
        except ProcessLookupError:
            return False
    return False
