"""One engine for the many calls of a program: opened by the first, given back when nobody needs it any more."""

import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import Engine

_everybody: "weakref.WeakSet[KeptEngine]" = weakref.WeakSet()
# What a forked process was born with: closing it would end the connections of its parent.
_inherited: list[Engine] = []


class KeptEngine:
    """An engine that is opened when it is first asked for, and kept; threads share it.

    Opening costs more than most transactions: connecting, looking at the schema, checking the directory. A process that
    is forked opens one for itself. So does everybody once the file of an SQLite database is not there any more, or
    another one is: what was written to a file without a name would be lost.
    """

    def __init__(self, open_one: Callable[[], Engine]) -> None:
        """Remember how it is opened: connected to, and checked; that is done when it is first asked for."""
        self._open_one = open_one
        self._guard = threading.Lock()
        self._engine: Engine | None = None
        self._known_file: tuple[int, int] | None = None
        self._closing: weakref.finalize[[bool], KeptEngine] | None = None
        _everybody.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self) -> Engine:
        """Return it, opened if need be.

        Raises:
            Whatever opening it can raise.
        """
        with self._guard:
            if self._engine is None or _file(self._engine) != self._known_file:
                self._close()
                self._engine = self._open_one()
                self._known_file = _file(self._engine)
                # Also for those who forget to close it: a program must not end with open connections.
                self._closing = weakref.finalize(self, self._engine.dispose)
            return self._engine

    def close(self) -> None:
        """Give back its connections; who asks again gets another one."""
        with self._guard:
            self._close()

    def _close(self) -> None:
        if self._closing is not None:
            self._closing()
        self._engine = self._closing = None

    def leave_to_parent(self) -> None:
        """In a process that was just forked: let the connections be, which are the parent's."""
        if self._engine is not None:
            _inherited.append(self._engine)
        if self._closing is not None:
            self._closing.detach()
        self._engine = self._closing = None
        # A thread that is not here any more may have had it.
        self._guard = threading.Lock()


def _file(engine: Engine) -> tuple[int, int] | None:
    """Return what the system knows the file of an SQLite database by; None for other databases, and if it is gone."""
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return None
    try:
        found = Path(engine.url.database).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _leave_all_to_parent() -> None:
    for one in list(_everybody):
        one.leave_to_parent()


os.register_at_fork(after_in_child=_leave_all_to_parent)
