"""The dashboard of a session whose runs this very process executes: it is drawn in a thread meanwhile."""

import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console

from supervisor.board.progress import RunProgress
from supervisor.dashboard.config import DashboardConfig
from supervisor.dashboard.fullscreen import FullScreen, keys_of_terminal
from supervisor.dashboard.looking import Looker, Scope
from supervisor.dashboard.runs.progress import ProgressView
from supervisor.dashboard.viewer import Viewer
from supervisor.errors import SupervisorError
from supervisor.supervision.place import Place

_HINT = "Ctrl-C stops in order; what is done stays"


class WatchedRuns(ProgressView):
    """Shows the session that the first run belongs to, from when that is queued until all have ended.

    Args:
        console: A terminal that can be drawn on.
        place: Where the runs are.
        repository: What the repository is known by.
        before: Shows what is said before there is a picture, and after it.
    """

    def __init__(self, console: Console, place: Place, repository: str, before: ProgressView) -> None:
        self._place = place
        self._repository = repository
        self._beside = before
        self._config = DashboardConfig()
        self._viewer = Viewer(FullScreen(console, console.file.fileno(), keys_of_terminal()), self._config, hint=_HINT)
        self._thread: threading.Thread | None = None
        self._said: list[str] = []
        self._trouble: SupervisorError | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.callback(self._viewer.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._viewer.end()
            self._thread.join()
        self._open.close()
        for line in self._said:
            self._beside.note(line)
        if self._trouble is not None:
            self._beside.note(f"the dashboard ended: {self._trouble.message}")

    def update(self, progress: RunProgress) -> None:
        """Begin to watch, with the first run."""
        if self._thread is None:
            scope = Scope(run=progress.run_id)
            self._thread = threading.Thread(target=self._watch, args=(scope,), name="dashboard")
            self._thread.start()
            self._open.enter_context(self._viewer.noticing())

    def note(self, line: str) -> None:
        """Show a line beneath the picture, and once more when that has gone."""
        if self._thread is None:
            self._beside.note(line)
        else:
            self._said.append(line)
            self._viewer.say(line)

    def _watch(self, scope: Scope) -> None:
        looker = Looker(self._place, self._repository, scope, self._config)
        try:
            self._viewer.watch(looker.look, None, lambda _sight: False)
        except SupervisorError as error:
            # The runs go on, which is what matters.
            self._trouble = error
        finally:
            looker.close()
