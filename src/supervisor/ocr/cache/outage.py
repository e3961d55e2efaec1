"""A part of the cache that fails is left alone for a while, and said to be out of order once."""

import logging
import time
from collections.abc import Callable

_RETRY_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Outage:
    """Whether something can be used: not for a minute after it failed."""

    def __init__(self, what: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin in good order.

        Args:
            what: The words that a warning begins with.
            monotonic: Seconds on a clock that never goes back.
        """
        self._what = what
        self._monotonic = monotonic
        self._until = -float("inf")
        self._is_told = False

    @property
    def lasts(self) -> bool:
        """Whether it failed only just now."""
        return self._monotonic() < self._until

    def begin(self, reason: object) -> None:
        """Note that it failed, and tell so the first time."""
        self._until = self._monotonic() + _RETRY_SECONDS
        if not self._is_told:
            _log.warning("%s: %s", self._what, reason)
        self._is_told = True
