"""A command and all that it started, measured: seconds, processor time, memory.

`measured` runs the command under this file as a program, which adopts every process that loses its parent, as a
subreaper. So it is told the times of all, grandchildren of a fork server and processes in sessions of their own
included: each parent's account of its reaped children ends up here. One program a command, because the kernel's figures
only grow.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

PR_SET_CHILD_SUBREAPER = 36
LINGERING_SECONDS = 30
SAMPLING_SECONDS = 0.2


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Attributes:
        started_at: Unix time.
        seconds: From the start to the end of the command itself.
        cpu_seconds: User and system time of all processes, those included that ended after the command.
        largest_process_bytes: The most memory that a single process had resident.
        together_bytes: The most that all processes had at once, shared pages counted once; 0 if not asked for.
        output: Its standard output.
    """

    started_at: float
    seconds: float
    cpu_seconds: float
    largest_process_bytes: int
    together_bytes: int
    output: str


def measured(command: Sequence[str | Path], environment: Mapping[str, str], *, memory: bool = False) -> Usage:
    """Run a command; one that fails or leaves processes running ends the benchmark."""
    wrapper = [sys.executable, __file__, "memory" if memory else "time", *map(str, command)]
    done = subprocess.run(wrapper, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))[:200]}\nended with status {done.returncode}:\n{done.stderr[-4000:]}")
    return Usage(**json.loads(done.stdout))


class MemoryWatch(threading.Thread):
    """Looks several times a second how much memory all descendants have together."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most_bytes = 0
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(SAMPLING_SECONDS):
            self.most_bytes = max(self.most_bytes, sum(map(_share, psutil.Process().children(recursive=True))))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _share(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0  # it has just ended


def _reap_the_rest() -> None:
    while children := psutil.Process().children():
        _, lingering = psutil.wait_procs(children, timeout=LINGERING_SECONDS)
        if lingering:
            sys.exit(f"left running after its end: {lingering}")


def run(command: Sequence[str], *, memory: bool) -> Usage:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl PR_SET_CHILD_SUBREAPER")
    watch = MemoryWatch()
    # Not a pipe: its end would wait for the last that holds it.
    with tempfile.TemporaryFile("w+") as output:
        started_at, before = time.time(), time.perf_counter()
        process = subprocess.Popen(command, stdout=output)
        if memory:
            watch.start()
        status = process.wait()
        seconds = time.perf_counter() - before
        if memory:
            watch.stop()
        _reap_the_rest()
        if status:
            sys.exit(status if status > 0 else 128 - status)
        output.seek(0)
        printed = output.read()
    all_of_them = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Usage(
        started_at,
        seconds,
        all_of_them.ru_utime + all_of_them.ru_stime,
        all_of_them.ru_maxrss * 1024,
        watch.most_bytes,
        printed,
    )


def stay_on_two_cores() -> None:
    """Bind this process and its children to two of its cores, if there are more."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


if __name__ == "__main__":
    print(json.dumps(asdict(run(sys.argv[2:], memory=sys.argv[1] == "memory"))))
