"""Telling the database that this supervisor lives, whatever the rest of it is busy with."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from supervisor.clock import Clock
from supervisor.errors import SurroundingsError
from supervisor.logs.loggers import Log
from supervisor.model.lease import beat_interval
from supervisor.store import leases, supervisors
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseError
from supervisor.store.moments import database_now
from supervisor.store.supervisors import SupervisorRow

WATCH_SECONDS = 0.5
WAKING_SECONDS = 5.0


class LeaseLostError(SurroundingsError):
    """This supervisor was silent for so long that its runs are another's to take."""


class Heart:
    """Beats from a thread and a connection of its own: for the supervisor, its workers and the runs that they execute.

    Used as a context manager, it beats while the block runs.
    """

    def __init__(
        self,
        url: str,
        me: SupervisorRow,
        clock: Clock,
        log: Log,
        *,
        on_change: Callable[[], None],
        on_silence: Callable[[], None],
    ) -> None:
        """Make it ready; it is taken for granted that the database has just been written to.

        Args:
            url: Of the control database.
            me: Whose heart it is.
            clock: The time.
            log: Told when beats fail, and work again.
            on_change: Called, in the heart's thread, when a run turns out to be lost.
            on_silence: Called, in another thread and again and again, while no beat has worked for the length of the
                lease: whoever waits for a database that hangs cannot see to it himself.
        """
        self._engine = open_engine(url, connections=1)
        self._me = me
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._on_silence = on_silence
        self._terms: dict[int, int] = {}
        self._lost: set[int] = set()
        self._beating = threading.Lock()
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._last_beat = clock.monotonic()
        self._threads = [
            threading.Thread(target=self._beat_on, name="heart", daemon=True),
            threading.Thread(target=self._watch, name="watch", daemon=True),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._engine.dispose()

    def hold(self, row: int, lease_term: int) -> None:
        """Renew the lease of a run from now on."""
        with self._guard:
            self._terms[row] = lease_term

    def let_go(self, row: int) -> None:
        """Renew the lease of a run no more."""
        with self._guard:
            self._terms.pop(row, None)
            self._lost.discard(row)

    @property
    def lost(self) -> frozenset[int]:
        """The runs that are held here, and whose term is over all the same."""
        with self._guard:
            return frozenset(self._lost)

    def check(self) -> None:
        """Make sure that what is held here is still ours.

        Whoever was stopped for longer than the lease finds out here, before anything else is done.

        Raises:
            LeaseLostError: No beat has reached the database for the length of the lease, and none does now.
        """
        if not self._is_overdue():
            return
        try:
            self.beat()
        except DatabaseError as error:
            silent = self._clock.monotonic() - self._last_beat
            raise LeaseLostError(
                f"no heartbeat reached the database for {silent:.0f} s, so its runs are another's to take: {error}",
                hint="when the database is there again, the same command goes on",
            ) from error

    def beat(self) -> None:
        """Renew everything once.

        Raises:
            DatabaseError: It did not work.
        """
        with self._beating:
            # Taken before: by the database's clock, the beat is later.
            moment = self._clock.monotonic()
            with self._guard:
                terms = dict(self._terms)
            with transaction(self._engine) as connection:
                supervisors.beat(connection, self._me.id, at=database_now(connection, self._clock))
            # Apart from the workers: who ends a run locks it before its worker.
            with transaction(self._engine) as connection:
                renewed = leases.renew(connection, terms, at=database_now(connection, self._clock))
            self._last_beat = moment
            with self._guard:
                self._lost |= {row for row in terms if row not in renewed and self._terms.get(row) == terms[row]}
                lost = bool(self._lost)
        if lost:
            self._on_change()

    def _is_overdue(self) -> bool:
        return self._clock.monotonic() - self._last_beat > self._me.lease_seconds

    def _watch(self) -> None:
        awake_since = looked = time.monotonic()
        while not self._stop.wait(WATCH_SECONDS):
            now = time.monotonic()
            if now - looked > WAKING_SECONDS:
                # We were stopped: first the beats may find out whether anything is lost.
                awake_since = now
            looked = now
            if self._is_overdue() and now - awake_since > WAKING_SECONDS:
                self._on_silence()

    def _beat_on(self) -> None:
        while not self._stop.wait(beat_interval(self._me.lease_seconds)):
            try:
                self.beat()
            except DatabaseError as error:
                # The next one may work; if none does, `check` says so in time.
                silent = round(self._clock.monotonic() - self._last_beat)
                self._log.warning("heartbeat failed", silent_seconds=silent, error=error.message)
