"""What a page process writes down of the time that a page takes."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from supervisor.ocr.results import PageTiming


@dataclass
class Timesheet:
    """Filled in while a page is worked on, as far as that comes; see `PageTiming`."""

    slot: int | None = None
    waiting_seconds: float = 0.0
    preparing_seconds: float = 0.0
    recognising_seconds: float = 0.0
    began_at: float = field(default_factory=time.time)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block as waiting for a slot."""
        begun = time.monotonic()
        yield
        self.waiting_seconds += time.monotonic() - begun

    @contextmanager
    def recognising(self) -> Iterator[None]:
        """Count the time of the block as spent in tesseract, also if it fails."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.recognising_seconds += time.monotonic() - begun

    def timing(self) -> PageTiming:
        """Return what is to be told."""
        return PageTiming(
            page_process=os.getpid(),
            slot=self.slot,
            began_at=round(self.began_at, 3),
            waiting_ms=_milliseconds(self.waiting_seconds),
            preparing_ms=_milliseconds(self.preparing_seconds),
            recognising_ms=_milliseconds(self.recognising_seconds),
        )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
