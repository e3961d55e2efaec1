import sys
from typing import Any

import pytest

from supervisor.cli.setup import view_of
from supervisor.dashboard.runs.progress import LiveQueue, LiveTable, PlainLines, ProgressView


@pytest.mark.parametrize(
    ("terminal", "term", "quiet", "live", "view"),
    [
        (True, "xterm", False, LiveTable, LiveTable),
        (True, "xterm", False, LiveQueue, LiveQueue),
        (True, "dumb", False, LiveTable, PlainLines),
        (False, "xterm", False, LiveTable, PlainLines),
        (True, "xterm", True, LiveTable, ProgressView),
        (False, "xterm", True, LiveQueue, ProgressView),
    ],
)
def test_what_is_shown_depends_on_who_looks(
    monkeypatch: pytest.MonkeyPatch,
    *,
    terminal: bool,
    term: str,
    quiet: bool,
    live: type[Any],
    view: type[ProgressView],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", term)
    # In CI it is often set, and makes no terminal of what is none.
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert type(view_of({"quiet": quiet, "verbose": False}, live)) is view
