"""How a dashboard looks, and how often."""

import math
from dataclasses import dataclass

from supervisor.errors import UsageError

MIN_REFRESH_SECONDS = 0.1


@dataclass(frozen=True)
class DashboardConfig:
    """How a dashboard looks, and how often.

    Attributes:
        refresh_rate: How many seconds pass between two looks.
        compact_mode: Whether lanes, events and empty lines are left out.
        max_sessions_display: How many sessions are shown at most; of those beyond only the number is told.
        max_workers_display: The same for workers.

    Raises:
        UsageError: A number is out of range.
    """

    refresh_rate: float = 1.0
    compact_mode: bool = False
    max_sessions_display: int = 50
    max_workers_display: int = 50

    def __post_init__(self) -> None:
        if not MIN_REFRESH_SECONDS <= self.refresh_rate < math.inf:
            raise UsageError(
                f"a look every {self.refresh_rate:g} s is not possible", hint=f"at least {MIN_REFRESH_SECONDS} s"
            )
        for name in ("max_sessions_display", "max_workers_display"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} cannot be {getattr(self, name)}", hint="at least 1")
