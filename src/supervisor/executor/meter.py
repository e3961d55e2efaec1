"""Measuring what an executor and everything that it has started use.

Processor time is read from `/proc/PID/stat` of each living process, together with that of its children that have ended
and were waited for: proc(5). Nothing is missing from the sum of a whole family, however short-lived or violently ended
its members were: orphans come to the executor, which has adopted them (`locks.processes.adopt_orphans`), and stay there
as zombies, which still tell their time.

Memory is the sum of the proportional set sizes (PSS): what several processes share is divided among them. The peak is
the largest sum that was seen; what is there for a moment only may be missed.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import psutil

from supervisor.executor.messages import Used

_LOOK_SECONDS = 1.0
# Telling the memory of a process takes the kernel half a millisecond: with many of them it is asked more rarely, so
# that no more than this share of a core goes into it.
_MEMORY_SHARE = 0.002
_TICKS = os.sysconf("SC_CLK_TCK")
# utime, stime, cutime and cstime in what follows the name in parentheses: proc(5).
_TIMES = slice(11, 15)
_LISTS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()  # CONFIG_PROC_CHILDREN


class Meter:
    """Tells again and again what this process and its descendants have used since they began."""

    def __init__(self) -> None:
        self._cpu_seconds = 0.0
        self._peak_memory_bytes = 0
        self._next_look = self._next_memory = 0.0

    def look(self) -> Used | None:
        """Measure, if it is time for it; made to be called very often."""
        if time.monotonic() < self._next_look:
            return None
        return self._measure(memory=time.monotonic() >= self._next_memory)

    def read(self) -> Used:
        """Measure now."""
        return self._measure(memory=True)

    def _measure(self, *, memory: bool) -> Used:
        family = []
        cpu_seconds = 0.0
        # Parents before their children: of one that ends meanwhile the time is missing for once, and never doubled.
        for pid in _family():
            family.append(pid)
            cpu_seconds += _cpu_seconds(pid)
        self._cpu_seconds = max(self._cpu_seconds, cpu_seconds)
        if memory:
            begun = time.thread_time()
            self._peak_memory_bytes = max(self._peak_memory_bytes, sum(map(_memory_bytes, family)))
            self._next_memory = time.monotonic() + (time.thread_time() - begun) / _MEMORY_SHARE
        self._next_look = time.monotonic() + _LOOK_SECONDS
        return Used(round(self._cpu_seconds, 2), self._peak_memory_bytes)


def _family() -> Iterator[int]:
    if not _LISTS_CHILDREN:
        yield os.getpid()
        yield from (child.pid for child in psutil.Process().children(recursive=True))
        return
    waiting = deque([os.getpid()])
    while waiting:
        pid = waiting.popleft()
        yield pid
        waiting.extend(_children(pid))


def _children(pid: int) -> Iterator[int]:
    """Yield the children of all threads of a process: each knows those that it has started itself."""
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_bytes().split())
    except OSError:
        return  # it has ended meanwhile


def _cpu_seconds(pid: int) -> float:
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0.0  # it has ended meanwhile
    return sum(map(int, told.rpartition(b")")[2].split()[_TIMES])) / _TICKS


def _memory_bytes(pid: int) -> int:
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except OSError:
        return 0  # it has ended meanwhile
    for line in told.splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0
