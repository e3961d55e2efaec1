"""What this process has read lately, so that a thousand copies of one page cost one read."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Remembered(Generic[T]):
    value: T
    size_bytes: int
    until: float


class Memo(Generic[T]):
    """Values by key, the least recently used forgotten first; each is forgotten after some time in any case."""

    def __init__(
        self, *, limit_bytes: int, lifetime_seconds: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_bytes = limit_bytes
        self._lifetime_seconds = lifetime_seconds
        self._monotonic = monotonic
        self._values: OrderedDict[str, _Remembered[T]] = OrderedDict()
        self._size_bytes = 0

    def get(self, key: str) -> T | None:
        """Return a value that is remembered."""
        found = self._values.get(key)
        if found is None:
            return None
        if found.until < self._monotonic():
            self._forget(key)
            return None
        self._values.move_to_end(key)
        return found.value

    def put(self, key: str, value: T, size_bytes: int) -> None:
        """Remember a value that takes about so much memory, unless it alone is too large."""
        self._forget(key)
        if size_bytes > self._limit_bytes:
            return
        self._values[key] = _Remembered(value, size_bytes, self._monotonic() + self._lifetime_seconds)
        self._size_bytes += size_bytes
        while self._size_bytes > self._limit_bytes:
            self._forget(next(iter(self._values)))

    def _forget(self, key: str) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._size_bytes -= found.size_bytes
