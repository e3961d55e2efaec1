"""A page process's place in the machine's budget: a slot, and the tesseract that lives no longer than it is held.

A tesseract that waits for its next page is a process like any other, so it is there only while its slot is; that is
given back when another process has waited for it long enough to be worth a new start, or when no page comes.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from supervisor.ocr.engines.protocol import Engine
from supervisor.ocr.engines.single import SingleEngine
from supervisor.ocr.engines.streaming import StreamingEngine
from supervisor.ocr.slots.budget import Slot, SlotBudget

# A start of tesseract takes a tenth of a second: a turn is at least twenty times as long, where others wait.
_TURN_SECONDS = 2.0
# A page that follows another is handed over within milliseconds.
_IDLE_SECONDS = 0.2


class Engines:
    """The ways to recognise a page in one slot.

    Attributes:
        slot_number: Which slot it is.
        keep_open: What every tesseract in it holds: the slot.
        streaming: One tesseract for many pages.
        single: One for each page: for settings that streaming is not sound for, and for second tries.
    """

    def __init__(self, slot: Slot) -> None:
        self.slot_number = slot.number
        self.keep_open = [slot.fileno()]
        self.streaming: Engine = StreamingEngine(self.keep_open)
        self.single: Engine = SingleEngine(self.keep_open)

    def close(self) -> None:
        """End what is running."""
        self.streaming.close()
        self.single.close()


class Seat:
    """Where one page process sits."""

    def __init__(self, budget: SlotBudget) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._slot: Slot | None = None
        self._engines: Engines | None = None
        self._reserved_bytes = 0
        self._taken_at = 0.0
        self._turn = 0

    @contextmanager
    def taken(self, memory_bytes: int, *, wanted: Callable[[], bool]) -> Iterator[Engines | None]:
        """Wait for a slot, unless there still is one, and keep it for a page.

        Args:
            memory_bytes: What the page reserves.
            wanted: Asked again and again while it waits; None is given once it says no.
        """
        with self._lock:
            # From now on no timer of an earlier turn gives anything back.
            self._turn += 1
            if self._slot is not None and memory_bytes != self._reserved_bytes:
                self._give_back()
            engines = self._engines or self._take(memory_bytes, wanted)
        try:
            yield engines
        finally:
            self._rest()

    def close(self) -> None:
        """End what is running, and give the slot back."""
        with self._lock:
            self._give_back()

    def _take(self, memory_bytes: int, wanted: Callable[[], bool]) -> Engines | None:
        self._slot = self._budget.acquire(memory_bytes, wanted=wanted)
        if self._slot is None:
            return None
        self._reserved_bytes = memory_bytes
        self._taken_at = time.monotonic()
        self._engines = Engines(self._slot)
        return self._engines

    def _rest(self) -> None:
        with self._lock:
            if self._slot is None:
                return
            if time.monotonic() - self._taken_at >= _TURN_SECONDS and self._slot.is_wanted():
                self._give_back()
                return
            timer = threading.Timer(_IDLE_SECONDS, self._end_turn, args=(self._turn,))
            timer.daemon = True
            timer.start()

    def _end_turn(self, turn: int) -> None:
        with self._lock:
            if turn == self._turn:
                self._give_back()

    def _give_back(self) -> None:
        if self._engines is not None:
            self._engines.close()
            self._engines = None
        if self._slot is not None:
            self._slot.release()
            self._slot = None
