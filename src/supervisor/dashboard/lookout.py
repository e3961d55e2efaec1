"""Looking again and again, in a thread: keys and drawing wait for no database."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from supervisor.dashboard.sight import Sight
from supervisor.store.errors import DatabaseError

# How long the end waits for a look that is under way; one that hangs is left behind.
_FAREWELL_SECONDS = 1.0


@dataclass(frozen=True)
class View:
    """What was seen last.

    Attributes:
        at: When that was.
        trouble: Why nothing was seen since; None if all is well.
    """

    sight: Sight
    at: datetime
    trouble: DatabaseError | None = None


class Lookout:
    """Looks, and keeps what it saw last while the database is away.

    Args:
        look: Does it.
        every_seconds: How long it rests between two looks.
        ring: Called after each of them.

    Raises:
        SupervisorError: The first look, which is made at once, says so.
    """

    def __init__(self, look: Callable[[], Sight], every_seconds: float, ring: Callable[[], object]) -> None:
        self._look = look
        self._every_seconds = every_seconds
        self._ring = ring
        self._over = threading.Event()
        # Nobody is there any more to hear the bell of a look that hung.
        self._ringing = threading.Lock()
        self._view = View(look(), _now())
        self._failure: Exception | None = None
        # A look that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._watch, name="lookout", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._ringing:
            self._over.set()
        self._thread.join(_FAREWELL_SECONDS)

    @property
    def view(self) -> View:
        """What was seen last.

        Raises:
            Exception: What a look has raised that does not pass by itself.
        """
        if self._failure is not None:
            raise self._failure
        return self._view

    def _watch(self) -> None:
        while not self._over.wait(self._every_seconds):
            try:
                self._view = View(self._look(), _now())
            except DatabaseError as error:
                self._view = replace(self._view, trouble=error)
            except Exception as error:  # noqa: BLE001 (it is raised where the view is asked for)
                self._failure = error
            with self._ringing:
                if not self._over.is_set():
                    self._ring()
            if self._failure is not None:
                return


def _now() -> datetime:
    return datetime.now(UTC)
