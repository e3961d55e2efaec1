"""Hiding passwords that were typed on the command line, which every user of a machine can read.

What `/proc/PID/cmdline` and so `ps` show is a piece of our own memory, and can be overwritten, as MySQL's clients do.
Until then, for as long as the interpreter takes to start, a password is seen; DATABASE_URL never is.
"""

import ctypes
import os
import sys
from pathlib import Path

from supervisor.passwords import without_passwords

# Where the arguments begin and end, counted from the state: proc_pid_stat(5), fields 48, 49 and 3.
_ARG_START, _ARG_END = 48 - 3, 49 - 3


def hide_typed_passwords() -> None:
    """Hide them from those who look at this process, and from the processes that it starts.

    On systems that do not say where the arguments are, the former is not possible.
    """
    # multiprocessing tells its children what was typed, and some of them read documents of unknown origin.
    for words in (sys.argv, sys.orig_argv):
        words[:] = map(without_passwords, words)
    start, end = _place_of_arguments()
    size = end - start
    if size <= 0:
        return
    arguments = ctypes.string_at(start, size).split(b"\0")
    hidden = b"\0".join(os.fsencode(without_passwords(os.fsdecode(one))) for one in arguments)
    # It ends with NUL, whatever happens: the kernel would go on showing our environment.
    ctypes.memmove(start, hidden[: size - 1].ljust(size, b"\0"), size)


def _place_of_arguments() -> tuple[int, int]:
    try:
        # The name of the program, which comes before, may contain anything but ends with the last parenthesis.
        fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0, 0
    return int(fields[_ARG_START]), int(fields[_ARG_END])
