import sys

import pytest

from supervisor.cli.setup import view_of_queue, view_of_runs
from supervisor.dashboard.progress import LiveQueue, LiveTable, PlainLines, ProgressView


@pytest.mark.parametrize(
    ("terminal", "quiet", "of_runs", "of_queue"),
    [
        (True, False, LiveTable, LiveQueue),
        (False, False, PlainLines, PlainLines),
        (True, True, ProgressView, ProgressView),
        (False, True, ProgressView, ProgressView),
    ],
)
def test_what_is_shown_depends_on_who_looks(
    monkeypatch: pytest.MonkeyPatch,
    *,
    terminal: bool,
    quiet: bool,
    of_runs: type[ProgressView],
    of_queue: type[ProgressView],
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert type(view_of_runs(quiet=quiet)) is of_runs
    assert type(view_of_queue(quiet=quiet)) is of_queue
