"""Processes that claim runs and end them until none is left, for `test_claims.py`: `claimer.py URL FOLDER COUNT`.

They are forked off this one, which has imported all they need and opened nothing. While one holds a run, it holds
kernel locks named after the run and its lane, in the folder, where nobody else may have them. Each writes what it
claimed to a file of its name.
"""

import fcntl
import json
import multiprocessing
import random
import sys
import time
from contextlib import ExitStack
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from sqlalchemy.engine import Engine

from supervisor.clock import SystemClock
from supervisor.model.states import RunStatus
from supervisor.store import claims, runs, sessions
from supervisor.store.claims import Scope
from supervisor.store.engine import open_engine, transaction
from supervisor.store.moments import database_now
from supervisor.store.runs import RunRow

CLOCK = SystemClock()
START_SECONDS = 60
MOMENT_SECONDS = 0.03


def a_moment() -> None:
    time.sleep(random.uniform(0, MOMENT_SECONDS))  # noqa: S311 (it hides nothing)


class Claimer:
    """One of the processes."""

    def __init__(self, url: str, folder: Path, name: str) -> None:
        self.url = url
        self.folder = folder
        self.name = name

    def work(self, start: Barrier, broken: Event) -> None:
        try:
            self.drain(start, broken)
        except BaseException:
            broken.set()
            raise

    def drain(self, start: Barrier, broken: Event) -> None:
        engine = open_engine(self.url, connections=1)
        with transaction(engine) as connection:
            claims.queued(connection, Scope())
        start.wait(START_SECONDS)
        claimed: list[tuple[int, int]] = []
        is_left = True
        while is_left and not broken.is_set():
            with transaction(engine) as connection:
                row = claims.claim(connection, self.name, CLOCK)
                is_left = row is not None or bool(claims.queued(connection, Scope()))
            if row is not None:
                claimed.append((row.id, row.lease_term))
                self.execute(row)
                self.end(engine, row)
            elif is_left:
                a_moment()
        (self.folder / f"{self.name}.json").write_text(json.dumps(claimed))
        engine.dispose()

    def execute(self, row: RunRow) -> None:
        """Take a moment, in which nobody else has the run or its lane."""
        with ExitStack() as until_the_end:
            for name in [f"run-{row.id}", *([f"lane-{row.session_id}-{row.lane}"] if row.lane else [])]:
                lock = until_the_end.enter_context((self.folder / name).open("w"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            a_moment()

    def end(self, engine: Engine, row: RunRow) -> None:
        with transaction(engine) as connection:
            sessions.lock(connection, row.session_id)
            held = runs.hold(connection, row)
            now = database_now(connection, CLOCK)
            ended = runs.transition(connection, row, RunStatus.SUCCEEDED, at=now, actor=self.name, event="succeeded")
            sessions.conclude(connection, row.session_id, at=now)
        if not (held and ended):
            raise RuntimeError(f"{row} was somebody else's")


def main(url: str, folder: str, count: str) -> int:
    forking = multiprocessing.get_context("fork")
    start, broken = forking.Barrier(int(count)), forking.Event()
    processes = [
        forking.Process(target=Claimer(url, Path(folder), f"w{number}").work, args=(start, broken))
        for number in range(int(count))
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return sum(process.exitcode != 0 for process in processes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
