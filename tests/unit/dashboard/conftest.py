"""A terminal that a test can look at: what is written to it is drawn as a real one would."""

import io
from collections.abc import Callable
from dataclasses import replace

import pyte
import pytest
from rich.console import Console

from supervisor.board.progress import RunProgress
from supervisor.model.states import RunStatus
from support.clocks import HandClock


class Terminal(Console):
    """A console whose output a terminal emulator draws."""

    def __init__(self, columns: int, lines: int) -> None:
        self._screen = pyte.Screen(columns, lines)
        super().__init__(
            file=io.StringIO(newline="\r\n"), force_terminal=True, width=columns, height=lines, color_system=None
        )

    @property
    def shown(self) -> list[str]:
        """The lines that stand there now, without the empty ones at the end."""
        assert isinstance(self.file, io.StringIO)
        self._screen.reset()
        pyte.Stream(self._screen).feed(self.file.getvalue())
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().splitlines()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def terminal() -> Callable[[int, int], Terminal]:
    return Terminal


@pytest.fixture
def run() -> Callable[..., RunProgress]:
    """Makes how a run stands: queued, unless it is said otherwise, with two documents."""

    def make(
        run_id: str, status: RunStatus = RunStatus.QUEUED, stage: str | None = None, **facts: object
    ) -> RunProgress:
        known = RunProgress(run_id, status, stage or status.value, documents=2)
        return replace(known, **facts)  # type: ignore[arg-type]  # fields by name

    return make
