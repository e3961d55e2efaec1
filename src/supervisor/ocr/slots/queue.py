"""Those who wait for a slot: who came before whom, and who of them is awake.

Everybody who waits has a file locked, with a record of when it came, and touches it whenever it looks whether its turn
has come. Nobody hands a turn to anybody: each sees by itself who is ahead. So one that is killed leaves the queue in
that instant, and one that is stopped is passed over once it has not touched its file for two seconds; when it goes on,
it has its old place again.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from supervisor.ocr.slots.files import Claim, is_plain_file_at, locked_claims, take

_PREFIX = "waiting"
# The first looks 40 times a second, the others the less often the more are ahead of them.
_PAUSE_SECONDS = 0.025
_LONGEST_PAUSE_SECONDS = 0.5
_ASLEEP_SECONDS = 2.0


class Waiting:
    """A place in the queue."""

    def __init__(self, path: Path, descriptor: int, number: int, claim: Claim) -> None:
        self._path = path
        self._descriptor = descriptor
        self._place = (claim.since_ns, number)

    def is_seen(self) -> bool:
        """Tell whether others see us wait; our file may have been removed, alone or with all others."""
        return is_plain_file_at(self._descriptor, self._path)

    def ahead(self) -> list[Claim]:
        """Return those who came before and are awake, and show that we are."""
        os.utime(self._descriptor)
        others = _awake(self._path.parent, without=self._place[1])
        return [claim for number, claim in others if (claim.since_ns, number) < self._place]


@contextmanager
def waiting(directory: Path, claim: Claim) -> Iterator[Waiting]:
    """Stand in the queue for the length of a block."""
    number = 0
    while (descriptor := take(path := directory / f"{_PREFIX}-{number:03}.lock", claim)) is None:
        number += 1
    try:
        yield Waiting(path, descriptor, number, claim)
    finally:
        os.close(descriptor)


def pause(ahead: int, wanted: Callable[[], bool]) -> None:
    """Let some time pass before the next look, while a slot is wanted."""
    end = time.monotonic() + min(_PAUSE_SECONDS * (1 + ahead), _LONGEST_PAUSE_SECONDS)
    while wanted() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _PAUSE_SECONDS))


def waiting_claims(directory: Path) -> list[Claim]:
    """Return those who wait and are awake, who came first first."""
    return [claim for _number, claim in sorted(_awake(directory), key=lambda one: (one[1].since_ns, one[0]))]


def _awake(directory: Path, *, without: int | None = None) -> Iterator[tuple[int, Claim]]:
    for found in locked_claims(directory, _PREFIX, without=without):
        # After a step of the clock a beat may be in the future; the next one is right again.
        if found.claim is not None and abs(time.time() - found.beat_at) < _ASLEEP_SECONDS:
            yield found.number, found.claim
