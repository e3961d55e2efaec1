"""A process for `test_slots.py`, which takes and gives back slots as it is told, a line at a time.

Arguments: the directory, how many slots, how many bytes. Answers each line with one: `take BYTES`, `give`, `wanted`,
`lend` (start a program that inherits the slot; its process id).
"""

import subprocess
import sys
from functools import partial

from supervisor.ocr.slots.budget import Slot, SlotBudget
from supervisor.ocr.slots.machine import make_directory


def main(directory: str, slots: str, memory_bytes: str) -> None:
    make = partial(make_directory, directory)
    budget = SlotBudget(make(), slots=int(slots), memory_bytes=int(memory_bytes), make=make)
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
