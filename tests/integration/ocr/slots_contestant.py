"""A process for `test_slots.py`, which takes and gives back slots as it is told, a line at a time.

Arguments: the directory, how many slots, how many bytes. Answers each line with one: `take BYTES`, `give`, `wanted`,
`lend` (start a program that inherits the slot; its process id).
"""

import subprocess
import sys
from pathlib import Path

from supervisor.ocr.slots.budget import Slot, SlotBudget


def main(directory: str, slots: str, memory_bytes: str) -> None:
    budget = SlotBudget(Path(directory), slots=int(slots), memory_bytes=int(memory_bytes))
    slot: Slot | None = None
    for line in sys.stdin:
        word, _, argument = line.strip().partition(" ")
        if word == "take":
            slot = budget.acquire(int(argument))
            answer: object = "taken"
        else:
            assert slot is not None
            match word:
                case "give":
                    answer = slot.release()
                case "wanted":
                    answer = slot.is_wanted()
                case "lend":
                    answer = subprocess.Popen(["sleep", "600"], pass_fds=[slot.fileno()]).pid
                case _:
                    raise ValueError(word)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
