"""Where rounds are played, several at a time if wanted; nothing of them is left alive when it is closed."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos.archive import LINES
from chaos.plan import Plan
from chaos.rounds import Round, make_original, play
from chaos.server import Server
from support.postgres import running_postgres


class Stage:
    """A folder, the archive that rounds get copies of, and a Postgres for each round that goes on at the same time.

    Args:
        folder: An empty one, which stays.
        jobs: How many rounds are played at a time.
        lines: How much text the pages have.

    Attributes:
        original: The archive, and what comes out of it undisturbed.
    """

    def __init__(self, folder: Path, *, jobs: int = 1, lines: int = LINES) -> None:
        self.original = make_original(folder, lines)
        self._folder = folder
        self._players = ThreadPoolExecutor(jobs)
        self._stop = threading.Event()
        self._servers = ExitStack()
        self._mine = threading.local()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._players.shutdown(cancel_futures=True)
        self._servers.close()

    def play(self, plans: Sequence[Plan]) -> Iterator[Round]:
        """Play rounds, and yield each when it is over."""
        playing = [self._players.submit(self._play, plan) for plan in plans]
        for future in as_completed(playing):
            yield future.result()

    def _play(self, plan: Plan) -> Round:
        server = self._server() if plan.database == "postgres" else None
        folder = self._folder / f"{plan.seed}-{plan.database}"
        return play(plan, self.original, folder, server, self._stop)

    def _server(self) -> Server:
        """Return the server of this thread, up and answering."""
        if not hasattr(self._mine, "server"):
            self._mine.server = Server(self._servers.enter_context(running_postgres()))
        server: Server = self._mine.server
        server.start()
        return server
