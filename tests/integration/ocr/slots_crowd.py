"""One of many processes that `test_slots.py` starts at once, each of which takes slots again and again.

Arguments: the directory, how many slots, how many bytes, how often, where the ledger is. The ledger counts slots and
bytes in use under a lock of its own; the process fails if there are ever too many.
"""

import fcntl
import json
import os
import sys
from pathlib import Path

from supervisor.ocr.slots.budget import SlotBudget


def enter(ledger: Path, change: int, memory_bytes: int) -> tuple[int, int]:
    """Change the numbers of slots and bytes in use, and return them."""
    with ledger.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        slots, reserved = json.load(file)
        now = slots + change, reserved + change * memory_bytes
        file.seek(0)
        file.truncate()
        json.dump(now, file)
    return now


def main(directory: str, slots: int, memory_bytes: int, times: int, ledger: Path) -> None:
    budget = SlotBudget(Path(directory), slots=slots, memory_bytes=memory_bytes)
    for number in range(times):
        wanted = (1, 2, 3, memory_bytes + 1)[(os.getpid() + number) % 4]
        with budget.acquire(wanted):
            taken, reserved = enter(ledger, 1, wanted)
            assert taken <= slots, f"{taken} slots of {slots}"
            assert taken == 1 or reserved <= memory_bytes, f"{reserved} bytes of {memory_bytes} in {taken} slots"
            enter(ledger, -1, wanted)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]))
