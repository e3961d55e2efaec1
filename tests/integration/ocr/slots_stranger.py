"""A process of another user, for `test_slots.py`: takes a slot where all users share them, and says who else has one.

Arguments: the user's number, a directory that is open to all. Must be started as root.
"""

import os
import sys
from pathlib import Path

from supervisor.ocr.slots.budget import SlotBudget
from supervisor.ocr.slots.machine import slots_directory


def main(user: int, open_to_all: Path) -> None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    directory = slots_directory({}, open_to_all=(open_to_all,))
    budget = SlotBudget(directory.path, slots=2, memory_bytes=10)
    with budget.acquire(5):
        holders = [found.claim.pid for found in budget.state().taken if found.claim and found.claim.pid != os.getpid()]
    sys.stdout.write(f"{directory.why_not_shared} {holders}")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
