"""A Postgres that is struck, and comes up again."""

import contextlib
import time
from dataclasses import dataclass

import psutil

from chaos.databases import AwayError, PostgresRows
from support.postgres import PostgresServer

_START_SECONDS = 20.0


@dataclass(frozen=True)
class Server:
    """A Postgres that is struck, and set up again."""

    server: PostgresServer

    def postmaster(self) -> psutil.Process | None:
        """Return its process; None if it does not live."""
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.NoSuchProcess):
            found = psutil.Process(int((self.server.folder / "data" / "postmaster.pid").read_text().splitlines()[0]))
            return None if found.status() == psutil.STATUS_ZOMBIE else found
        return None

    def backends(self, database: str) -> list[psutil.Process]:
        """Return the processes that serve a database; none if that cannot be asked."""
        query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}' ORDER BY pid"  # noqa: S608 (our own)
        with contextlib.suppress(AwayError, psutil.NoSuchProcess):
            return [psutil.Process(pid) for (pid,) in PostgresRows(self.server.url("postgres")).control(query)]
        return []

    def end_connections(self, database: str) -> int:
        """End every connection to a database from the server's side, and return how many there were."""
        query = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'"  # noqa: S608 (our own)
        with contextlib.suppress(AwayError):
            ((ended,),) = PostgresRows(self.server.url("postgres")).control(query)
            return int(ended)
        return 0

    def start(self) -> None:
        """Start it where it does not run; after a kill that needs all of its processes to be gone."""
        limit = time.monotonic() + _START_SECONDS
        while self.postmaster() is None or not self._answers():
            if time.monotonic() > limit:
                raise TimeoutError(f"the server does not come up: {self.server.folder / 'log'}")
            if self.postmaster() is None:
                with contextlib.suppress(AssertionError):
                    self.server.start()
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return PostgresRows(self.server.url("postgres")).control("SELECT 1") == [(1,)]
        except AwayError:
            return False
