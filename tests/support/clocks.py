"""The time as tests move it."""

from datetime import UTC, datetime, timedelta

BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)


class HandClock:
    """A clock that stands still until it is moved; the clock of a server goes on by itself, later than this one."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds
