"""The time axis of a picture: where a moment stands, and at which moments there is a line."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

# What people count time in: up to a minute, an hour, a day, and then days.
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MOST_TICKS = 12


@dataclass(frozen=True)
class Axis:
    """From moments to pixels.

    Attributes:
        left: Where `begins_at` stands.
        width: How many pixels there are until `ends_at`.
        zone: Of the labels; None for that of this machine.
    """

    begins_at: datetime
    ends_at: datetime
    left: float
    width: float
    zone: tzinfo | None = None

    @property
    def seconds(self) -> float:
        """How long it is; never nothing."""
        return max(0.001, (self.ends_at - self.begins_at).total_seconds())

    def x(self, moment: datetime) -> float:
        """Return where a moment stands; clocks of several machines differ, so it may be before the first."""
        share = (moment - self.begins_at).total_seconds() / self.seconds
        return self.left + self.width * min(1.0, max(0.0, share))

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield where lines stand, at round local times, and what is written there: a date where a day begins."""
        step = next((one for one in _STEPS if self.seconds / one <= _MOST_TICKS), _STEPS[-1] * self._days())
        begin = self.begins_at.astimezone(self.zone)
        midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        number = math.ceil((begin - midnight).total_seconds() / step)
        while (moment := midnight + timedelta(seconds=number * step)) <= self.ends_at:
            at_midnight = moment.time() == midnight.time()
            yield (
                self.x(moment),
                f"{moment:%-d %b}" if at_midnight else f"{moment:{'%H:%M:%S' if step < 60 else '%H:%M'}}",
            )
            number += 1

    def _days(self) -> int:
        return math.ceil(self.seconds / 86400 / _MOST_TICKS)
