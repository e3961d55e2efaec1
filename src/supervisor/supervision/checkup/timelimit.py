"""Looking for no longer than a time: what hangs is left alone, and what it has started is ended."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import psutil

T = TypeVar("T")


class TookTooLongError(Exception):
    """There was no answer in time."""


def within(limit_seconds: float, look: Callable[[], T]) -> T:
    """Return what `look` returns, or raise what it raises, if that comes in time.

    It is called in a thread, which nothing can end: it goes on behind our back, and ends with the process. Processes
    that it has started are killed.

    Raises:
        TookTooLongError: It does not come in time.
    """
    returned: list[T] = []
    raised: list[Exception] = []

    def call() -> None:
        try:
            returned.append(look())
        except Exception as error:  # noqa: BLE001 (raised again below)
            raised.append(error)

    before = set(psutil.Process().children(recursive=True))
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(limit_seconds)
    if thread.is_alive():
        for process in set(psutil.Process().children(recursive=True)) - before:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        raise TookTooLongError
    if raised:
        raise raised[0]
    return returned[0]
