"""How many pages this machine can recognise at a time, and why so many.

Counted from what does not change while it works: cores, quotas, and the memory that there is, not the memory that is
free at the moment. What pages really take is seen to by their reservations.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from supervisor.errors import UsageError
from supervisor.ocr.limits import UNIT_BYTES
from supervisor.ocr.slots.cgroups import memory_limit_bytes, quota_cores

SLOTS_VARIABLE = "SUPERVISOR_OCR_SLOTS"
_MOST_SLOTS = 1000
# The rest is for the system, the page processes and the database.
_SHARE_FOR_PAGES = 0.8


@dataclass(frozen=True)
class Capacity:
    """What the machine gives to this process.

    Attributes:
        cores: Those that it may run on.
        quota_cores: Their time that its control group allows; None without a quota.
        memory_bytes: What the machine has, or the control group allows.
        chosen_slots: What SUPERVISOR_OCR_SLOTS says.
    """

    cores: int
    quota_cores: float | None
    memory_bytes: int
    chosen_slots: int | None = None

    @property
    def memory_for_pages(self) -> int:
        """How many bytes all pages together may reserve."""
        return int(self.memory_bytes * _SHARE_FOR_PAGES)

    @property
    def slots(self) -> int:
        """How many pages may be recognised at a time: at least one."""
        if self.chosen_slots is not None:
            return self.chosen_slots
        # Rounded up: half a core is better used by two processes than left alone by one.
        by_quota = self.cores if self.quota_cores is None else math.ceil(self.quota_cores)
        return max(1, min(self.cores, by_quota, self.memory_for_pages // UNIT_BYTES))

    @property
    def page_processes(self) -> int:
        """How many page processes an executor has unless it is told: at least two, since one can prepare meanwhile."""
        return max(2, self.slots)


def measure_capacity(environment: Mapping[str, str], *, root: Path = Path("/")) -> Capacity:
    """Look at the machine.

    Args:
        environment: For SUPERVISOR_OCR_SLOTS.
        root: Where /proc and /sys are.

    Raises:
        UsageError: The variable is no number of slots.
    """
    total, limit = psutil.virtual_memory().total, memory_limit_bytes(root)
    return Capacity(
        cores=len(os.sched_getaffinity(0)),
        quota_cores=quota_cores(root),
        memory_bytes=total if limit is None else min(total, limit),
        chosen_slots=_chosen(environment.get(SLOTS_VARIABLE, "")),
    )


def _chosen(text: str) -> int | None:
    if not text:
        return None
    # int() itself refuses thousands of digits.
    is_short_number = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_SLOTS))
    if not is_short_number or not 1 <= int(text) <= _MOST_SLOTS:
        raise UsageError(f"{SLOTS_VARIABLE}: {text!r} is no number of slots", hint=f"1 to {_MOST_SLOTS}")
    return int(text)
