"""The dashboard, in the hands of programs and of the command line."""

import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from supervisor.board.counts import Summary
from supervisor.dashboard.config import DashboardConfig
from supervisor.dashboard.fullscreen import FullScreen, keys_of_terminal
from supervisor.dashboard.looking import Looker, Scope
from supervisor.dashboard.picture.picture import Frame, draw
from supervisor.dashboard.sight import Sight
from supervisor.dashboard.terminal import StandardOutput
from supervisor.dashboard.viewer import Viewer
from supervisor.errors import UsageError
from supervisor.model.paths import printable
from supervisor.model.states import ENDED_SESSIONS, SessionStatus
from supervisor.store.errors import DatabaseError
from supervisor.supervision.place import Place
from supervisor.supervision.wakeup import Wakeup


class LiveDashboard:
    """Shows the sessions and workers of a repository, and what happens, as it goes on.

    Example:
        dashboard = LiveDashboard("archive", config=DashboardConfig(compact_mode=True))
        print(dashboard.render_snapshot())
        dashboard.start_live(duration=60)
    """

    def __init__(
        self,
        repo: str | Path | Place = ".",
        *,
        runs_dir: str | Path | None = None,
        repository_name: str | None = None,
        database_url: str | None = None,
        config: DashboardConfig | None = None,
        session: str | None = None,
        status: SessionStatus | str | None = None,
        lane: str | None = None,
        console: Console | None = None,
    ) -> None:
        """Find the repository; nothing is created, and nothing looked at yet.

        Args:
            repo: A directory in it, or the place, where that was found before.
            runs_dir: Where runs are kept; see `config.runs_directory` for the default.
            repository_name: What the repository is known by; default is its first commit.
            database_url: Of the database that supervisors share; None for the file in the runs directory.
            config: How the dashboard looks, and how often.
            session: Look at this one only, and at its runs: its id, the beginning of that, or its title.
            status: Look only at sessions in this state.
            lane: Look only at runs in this lane.
            console: Where `start_live` shows it; default is standard output.

        Raises:
            UsageError: The directory is in no repository, the URL cannot be used, or there is no such state.
            SurroundingsError: Git is missing or too old, or refuses the repository.
        """
        if status is not None and status not in set(SessionStatus):
            raise UsageError(f"there is no state {status!r}", hint=f"one of {', '.join(SessionStatus)}")
        directory = Path(runs_dir) if runs_dir else None
        self._place = repo if isinstance(repo, Place) else Place.find(Path(repo), directory, database_url)
        self._repository_name = repository_name
        self._config = config or DashboardConfig()
        self._scope = Scope(session, SessionStatus(status) if status else None, lane)
        self._console = console or StandardOutput()

    def start_live(self, duration: float | None = None, *, until_ended: bool = False) -> signal.Signals | None:
        """Show it again and again; blocks until the time is over or somebody leaves, with q or Ctrl-C.

        On a terminal it takes the whole of it, and gives it back as it was. While the database is away, what was seen
        last stays. Elsewhere, and on a terminal that cannot draw, snapshots are printed: without a duration, one.

        Args:
            duration: For how many seconds; None for no limit.
            until_ended: Whether to end when all sessions that are shown have ended.

        Returns:
            SIGINT, SIGTERM or SIGHUP, if one of them ended it, which only the main thread learns of.

        Raises:
            UsageError: There is no such session, or more than one, or the duration is below 0.
            DatabaseError: The database cannot be read at first.
        """
        if duration is not None and not duration >= 0:
            raise UsageError(f"a duration of {duration:g} s is not possible", hint="at least 0")
        is_over = _has_ended if until_ended else _never
        with self._looker() as looker:
            if self.is_drawn:
                return self._draw(looker, duration, is_over)
            return self._print(looker, 0 if duration is None and not until_ended else duration, is_over)

    def render_snapshot(self) -> str:
        """Return how everything stands now, as plain text as wide as the console, with no limit to its height.

        Raises:
            UsageError: There is no such session, or more than one.
            DatabaseError: The database cannot be read.
        """
        return self._text(self.look())

    def get_summary(self) -> Summary:
        """Return what everything in the repository adds up to, whatever the dashboard is limited to.

        Raises:
            DatabaseError: The database cannot be read.
        """
        return self.look().overview.summary

    def look(self) -> Sight:
        """Look at everything once.

        Raises:
            UsageError: There is no such session, or more than one.
            DatabaseError: The database cannot be read.
        """
        with self._looker() as looker:
            return looker.look()

    @property
    def is_drawn(self) -> bool:
        """Whether the console is a terminal that can be drawn on."""
        return self._console.file.isatty() and not self._console.is_dumb_terminal

    @contextmanager
    def _looker(self) -> Iterator[Looker]:
        looker = Looker(self._place, self._place.identity(self._repository_name), self._scope, self._config)
        try:
            yield looker
        finally:
            looker.close()

    def _draw(self, looker: Looker, duration: float | None, is_over: Callable[[Sight], bool]) -> signal.Signals | None:
        keys = keys_of_terminal()
        terminal = FullScreen(self._console, self._console.file.fileno(), keys)
        viewer = Viewer(terminal, self._config, hint="q leaves" if keys is not None else "Ctrl-C leaves", leaving=b"qQ")
        try:
            return viewer.watch_until_signal(looker.look, duration, is_over)
        finally:
            viewer.close()

    def _print(self, looker: Looker, duration: float | None, is_over: Callable[[Sight], bool]) -> signal.Signals | None:
        """Print a snapshot now, and one each time that has passed until the next look."""
        begin, wakeup = time.monotonic(), Wakeup()
        try:
            with wakeup.watching_signals():
                sight = looker.look()
                text = self._text(sight)
                while True:
                    self._console.file.write(f"{text}\n")
                    self._console.file.flush()
                    next_look = time.monotonic() + self._config.refresh_rate
                    if is_over(sight) or (duration is not None and next_look > begin + duration):
                        return None
                    if select.select([wakeup], [], [], self._config.refresh_rate)[0]:
                        return wakeup.signals[0]
                    try:
                        sight = looker.look()
                        text = f"\n{self._text(sight)}"
                    except DatabaseError as error:
                        text = f"\nno answer from the database: {printable(error.message)}"
        finally:
            wakeup.close()

    def _text(self, sight: Sight) -> str:
        lines = draw(sight, Frame(self._console.width, compact=self._config.compact_mode))
        return "\n".join(line.plain.rstrip() for line in lines)


def _has_ended(sight: Sight) -> bool:
    return all(session.status in ENDED_SESSIONS for session in sight.overview.sessions)


def _never(_sight: Sight) -> bool:
    return False
