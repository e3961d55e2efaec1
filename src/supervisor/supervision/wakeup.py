"""Waking the loop: by signals, by work that threads have done, by executors."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Wakeup:
    """A pipe that ends a wait, and the signals that were received meanwhile.

    SIGINT and SIGTERM ask for an orderly end; a second one asks for an immediate one.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self.signals: list[signal.Signals] = []

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._reader

    def ring(self, *_: object) -> None:
        """End the wait, from any thread."""
        try:
            os.write(self._writer, b"\0")
        except BlockingIOError:
            # The pipe is full of rings that were not yet heard.
            return

    def heard(self) -> None:
        """Forget the rings so far."""
        try:
            while os.read(self._reader, 4096):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._reader)
        os.close(self._writer)

    @contextmanager
    def watching_signals(self, *others: signal.Signals) -> Iterator[None]:
        """Collect SIGINT, SIGTERM and some others while the block runs; in other threads than the main one, do nothing.

        Another one that is ignored, as SIGHUP is below `nohup`, stays so.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        heeded = [number for number in others if signal.getsignal(number) is not signal.SIG_IGN]
        numbers = (signal.SIGINT, signal.SIGTERM, *heeded)
        before = {number: signal.signal(number, self._received) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _received(self, number: int, _frame: FrameType | None) -> None:
        self.signals.append(signal.Signals(number))
        self.ring()
