import pytest

from supervisor.ocr.slots.capacity import Capacity
from supervisor.supervision.checkup.machine import _reason

GB = 10**9


@pytest.mark.parametrize(
    ("capacity", "reason"),
    [
        (Capacity(cores=4, quota_cores=None, memory_bytes=64 * GB), "one for each core"),
        (Capacity(cores=4, quota_cores=9.0, memory_bytes=64 * GB), "one for each core"),
        (
            Capacity(cores=4, quota_cores=1.5, memory_bytes=64 * GB),
            "the control group allows 1.5 of 4 cores",
        ),
        (Capacity(cores=4, quota_cores=3.0, memory_bytes=2 * GB), "0.8 GB of memory each; 4 cores"),
        (Capacity(cores=1, quota_cores=None, memory_bytes=GB, chosen_slots=3), "SUPERVISOR_OCR_SLOTS; 1 core"),
    ],
)
def test_why_there_are_so_many_slots(capacity: Capacity, reason: str) -> None:
    assert _reason(capacity) == reason
