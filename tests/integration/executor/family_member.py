"""A process that needs processor time or memory."""

import subprocess
import sys
import time

HELD_BYTES = 40 * 2**20


def burn(seconds: float) -> None:
    while time.process_time() < seconds:
        pass


match sys.argv[1:]:
    case ["burn", seconds]:
        burn(float(seconds))
    case ["leave", seconds]:
        subprocess.Popen([sys.executable, "-S", __file__, "burn", seconds])
    case ["hold"]:
        block = b"x" * HELD_BYTES
        sys.stdout.write("held\n")
        sys.stdout.flush()
        sys.stdin.read()
