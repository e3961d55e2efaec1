"""Telling the database how far the runs of this supervisor are, for those who watch from elsewhere."""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from supervisor.board.progress import RunProgress
from supervisor.clock import Clock
from supervisor.store import progress as store
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseError
from supervisor.store.moments import database_now
from supervisor.store.progress import ProgressCounts
from supervisor.store.runs import RunHead

REST_SECONDS = 1.0


class ProgressKeeper:
    """Writes what has changed, about once a second, from a thread and a connection of its own.

    Neither the loop nor a claim waits for it. What could not be written, as the database is away, is tried again;
    nothing is lost by it, since the next picture is complete in itself.

    Used as a context manager, it writes while the block runs.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        """Make it ready to write to the control database."""
        # What a power cut takes away was of interest only until then.
        self._engine = open_engine(url, connections=1, durable=False)
        self._clock = clock
        self._held: dict[int, tuple[RunHead, RunProgress]] = {}
        self._changed: set[int] = set()
        self._guard = threading.Lock()
        self._news = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._news.set()
        # What is still to be written is out of date: the end of a run writes its last values. A database that hangs
        # is waited for no longer than that; the thread ends when it has its answer.
        self._thread.join(REST_SECONDS)
        self._engine.dispose()

    def note(self, row: RunHead, progress: RunProgress) -> None:
        """Take in how far a run is that executes under the lease term of `row`."""
        with self._guard:
            if row.id in self._held and self._held[row.id][1] is progress:
                return
            self._held[row.id] = row, progress
            self._changed.add(row.id)
        self._news.set()

    def let_go(self, row: int) -> None:
        """Write nothing more of a run: it has ended here."""
        with self._guard:
            self._held.pop(row, None)
            self._changed.discard(row)

    def keep(self) -> None:
        """Write what has changed, once.

        Raises:
            DatabaseError: Nothing was written.
        """
        with self._guard:
            due = {id_: self._held[id_] for id_ in sorted(self._changed)}
        if not due:
            return
        with transaction(self._engine) as connection:
            at = database_now(connection, self._clock)
            kept = {
                id_: progress
                for id_, (row, progress) in due.items()
                if store.keep(connection, id_, row.lease_term, progress.stage, counts_of(progress), at=at)
            }
        with self._guard:
            for id_, progress in kept.items():
                if id_ in self._held and self._held[id_][1] is progress:
                    self._changed.discard(id_)

    def _keep_on(self) -> None:
        while self._news.wait() and not self._stop.is_set():
            self._news.clear()
            # The next time it may work. What there is to say about a database, the loop says.
            with suppress(DatabaseError):
                self.keep()
            with self._guard:
                if self._changed:
                    self._news.set()
            self._stop.wait(REST_SECONDS)


def counts_of(progress: RunProgress) -> ProgressCounts:
    """Return how far a run is, as it is stored."""
    done = progress.pages_done
    return ProgressCounts(
        documents=progress.documents,
        documents_opened=progress.documents_opened,
        documents_done=progress.documents_done,
        documents_failed=progress.documents_failed,
        pages=progress.pages,
        pages_ocr=done.get("ocr", 0),
        pages_text_layer=done.get("text_layer", 0),
        pages_cache=done.get("cache", 0),
        pages_blank=done.get("blank", 0),
        pages_skipped=done.get("skipped", 0),
        pages_failed=done.get("failed", 0),
    )
