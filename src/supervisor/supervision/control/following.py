"""Following a run from outside: whether it goes on, and so may have more to tell."""

import time
from collections.abc import Callable

from sqlalchemy.engine import Engine

from supervisor.model.states import ACTIVE
from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.runs import RunHead

ASK_SECONDS = 1.0
# From its end until its workspace is removed, and all is told. Who was killed in between tells no more.
_SETTLING_SECONDS = 5.0


class FollowedRun:
    """One row of a run, looked up once a second; while the database is away it is taken to go on."""

    def __init__(
        self, engine: Engine, row: RunHead, *, attempt: int | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin to follow it.

        Args:
            engine: Of the control database.
            row: Which one.
            attempt: The only one of interest; None for all that are to come.
            monotonic: Seconds on a clock that never goes back.
        """
        self._engine = engine
        self._row = row
        self._attempt = attempt
        self._monotonic = monotonic
        self._next_look = 0.0
        self._ended_at: float | None = None

    def goes_on(self) -> bool:
        """Tell whether there may be more to come."""
        now = self._monotonic()
        if now < self._next_look:
            return True
        self._next_look = now + ASK_SECONDS
        try:
            with transaction(self._engine) as connection:
                (row,) = runs.heads(connection, [self._row.id])
        except DatabaseUnavailable:
            return True
        if self._attempt is not None and row.attempt > self._attempt:
            return False
        if row.status in ACTIVE:
            self._ended_at = None
            return True
        self._ended_at = self._ended_at or now
        return row.settled_at is None and now - self._ended_at < _SETTLING_SECONDS
