"""The machine's budget of OCR slots: how many pages are recognised at a time, by whomever.

A slot is a locked file. What holds at all times, whoever is killed or stopped and when:

- No more slots are taken than there are: the kernel's locks count.
- The reservations of taken slots fit the memory, unless only one is taken. Who takes a slot writes down what it
  reserves and only then adds up; of two that do so at once, the later one sees both, and steps back.
- Who waits longest is next. It is not overtaken by pages that would fit while it does not, or it might wait for ever.
  A process that may use fewer slots than others does not keep the rest from those that it cannot use, while the memory
  suffices for its page, too.
- Nobody holds a slot while it waits for one, so no two wait for each other.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from supervisor.ocr.slots.files import Claim, DirectoryGoneError, LockedClaim, is_plain_file_at, locked_claims, take
from supervisor.ocr.slots.queue import Waiting, pause, waiting, waiting_claims

_PREFIX = "slot"


class Slot:
    """A taken slot: a context manager that releases it.

    A process that inherits the descriptor (`pass_fds`) keeps the slot until it has ended, too.

    Attributes:
        number: Which one it is, from 0.
    """

    def __init__(self, path: Path, descriptor: int, number: int) -> None:
        self.number = number
        self._path = path
        self._descriptor: int | None = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.release()

    def fileno(self) -> int:
        """Return the locked descriptor, which stays ours.

        Raises:
            ValueError: The slot was released.
        """
        if self._descriptor is None:
            raise ValueError("the slot was released")
        return self._descriptor

    def is_wanted(self) -> bool:
        """Tell whether somebody waits for a slot, at the price of a few system calls for each who does.

        A slot whose file was removed is wanted, too: another has been free in its place since.

        Raises:
            ValueError: The slot was released.
        """
        return not is_plain_file_at(self.fileno(), self._path) or bool(waiting_claims(self._path.parent))

    def release(self) -> None:
        """Give the slot back, once no other process has it open; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@dataclass(frozen=True)
class BudgetState:
    """A moment of the budget.

    Attributes:
        taken: By number; without a claim where the record cannot be read.
        waiting: Those who wait, who came first first.
    """

    taken: list[LockedClaim]
    waiting: list[Claim]


def _always() -> bool:
    return True


class SlotBudget:
    """The slots that this process may use; all processes that name the same directory share them.

    Args:
        directory: It exists, on a local file system.
        slots: How many there are for this process: another that may use fewer or more cores counts differently, and
            shares those with lower numbers.
        memory_bytes: What the pages in all slots may reserve together.
        make: Makes the directory, unless it is there, and returns it; None if one that is removed stays missing.
    """

    def __init__(
        self, directory: Path, *, slots: int, memory_bytes: int, make: Callable[[], Path] | None = None
    ) -> None:
        self.directory = directory
        self._make = make
        self.slots = slots
        self.memory_bytes = memory_bytes

    def acquire(self, memory_bytes: int, wanted: Callable[[], bool] = _always) -> Slot | None:
        """Wait until it is our turn, a slot is free and the memory suffices, and take the slot.

        A page that needs more memory than there is waits until it is alone.

        Args:
            memory_bytes: What the page reserves.
            wanted: Asked 40 times a second whether the caller still wants a slot.

        Returns:
            The slot; None if it is no longer wanted.

        Raises:
            SurroundingsError: The directory cannot be used.
        """
        claim, slot = self._claim(memory_bytes), None
        # Another round only where the directory was removed meanwhile; nobody loses his place by that.
        while slot is None and wanted():
            if self._make is not None:
                self.directory = self._make()
            try:
                with waiting(self.directory, claim) as place:
                    slot = self._take_in_turn(place, memory_bytes, wanted)
            except DirectoryGoneError:
                if self._make is None:
                    raise
        return slot

    def state(self) -> BudgetState:
        """Return who has slots and who waits; nothing is made or changed."""
        taken = sorted(locked_claims(self.directory, _PREFIX), key=lambda found: found.number)
        return BudgetState(taken, waiting_claims(self.directory))

    def _take_in_turn(self, place: Waiting, memory_bytes: int, wanted: Callable[[], bool]) -> Slot | None:
        while place.is_seen() and wanted():
            ahead = place.ahead()
            slot = self._try(memory_bytes, ahead)
            if slot is not None:
                return slot
            pause(len(ahead), wanted)
        return None

    def _try(self, memory_bytes: int, ahead: Sequence[Claim]) -> Slot | None:
        # What those ahead can use is theirs, and so is the memory for the largest of their pages.
        first = max((claim.slots for claim in ahead), default=0)
        kept_bytes = max((claim.memory_bytes for claim in ahead), default=0)
        # From above, to leave those with lower numbers to processes that may use no others.
        for number in reversed(range(first, self.slots)):
            path = self.directory / f"{_PREFIX}-{number:03}.lock"
            descriptor = take(path, self._claim(memory_bytes))
            if descriptor is not None:
                if self._has_room(memory_bytes, kept_bytes, number):
                    return Slot(path, descriptor, number)
                os.close(descriptor)
                return None
        return None

    def _has_room(self, memory_bytes: int, kept_bytes: int, own: int) -> bool:
        others = [found.claim for found in locked_claims(self.directory, _PREFIX, without=own)]
        reserved = sum(claim.memory_bytes for claim in others if claim) + kept_bytes
        is_alone = not others and not kept_bytes
        return is_alone or reserved + memory_bytes <= self.memory_bytes

    def _claim(self, memory_bytes: int) -> Claim:
        return Claim(os.getpid(), memory_bytes, self.slots, datetime.now(UTC), time.monotonic_ns())
