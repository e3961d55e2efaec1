import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.store.events import history

CLAIMER = Path(__file__).with_name("claimer.py")


class Claimer:
    """A process that claims."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, str(CLAIMER), url, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, rows: list[int]) -> None:
        assert self.process.stdin
        self.process.stdin.write(" ".join(map(str, rows)) + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@pytest.fixture
def claimers(database_url: str, engine: Engine) -> Iterator[list[Claimer]]:  # noqa: ARG001 (it makes the tables)
    started = [Claimer(database_url, f"w{number}") for number in range(4)]
    assert [claimer.answer() for claimer in started] == ["ready"] * 4
    yield started
    for claimer in started:
        claimer.process.communicate()
        assert claimer.process.returncode == 0


@pytest.mark.usefixtures("session")
def test_no_run_is_claimed_twice(engine: Engine, claimers: list[Claimer], add_run: Callable[..., int]) -> None:
    with transaction(engine) as connection:
        rows = [add_run(connection, f"r{number}") for number in range(60)]
    taken_by: dict[int, str] = {}
    for first in range(0, len(rows), 3):
        # Three runs for four claimers: in each round one of them comes too late.
        for claimer in claimers:
            claimer.ask(rows[first : first + 3])
        answers = {claimer.name: int(claimer.answer()) for claimer in claimers}
        assert sorted(answers.values()) == [0, *rows[first : first + 3]]
        taken_by |= {row: name for name, row in answers.items() if row}
    with transaction(engine) as connection:
        for row in runs.of_rows(connection, rows):
            assert (row.claimed_by, row.lease_term) == (taken_by[row.id], 1)
            assert [event.event for event in history(connection, row.id)] == ["queued", "claimed"]
