"""Processes of this machine: when they started, and how to end one or a whole group for certain.

A pid says nothing about who it belongs to once its process has ended, so every function here takes the start time along
and leaves a recycled pid alone. A zombie counts as gone: it holds no lock and runs no code.

psutil derives a start time from the kernel's boot time, which moves by up to a second when the clock is adjusted; two
times that close together are the same start. After a larger step of the clock a process is not recognised any more,
hence not signalled: the error is on the safe side.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

SAME_START_SECONDS = 2.0
KILL_WAIT_SECONDS = 10.0  # a process in an uninterruptible call may take its time to notice SIGKILL
_POLL_SECONDS = 0.02
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class _Member:
    pid: int
    started_at: float


def started_at(pid: int) -> float | None:
    """Return when a process started, in seconds since the epoch, or None if there is none (a zombie is none)."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return None if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD} else process.create_time()
    except psutil.NoSuchProcess:
        return None


def is_running(pid: int, start: float) -> bool:
    """Tell whether that very process, not a later one with its pid, is alive."""
    now = started_at(pid)
    return now is not None and abs(now - start) <= SAME_START_SECONDS


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll a condition that nothing announces; return whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def may_signal(pid: int) -> bool:
    """Tell whether a pid names one process that is neither init nor ourselves."""
    return pid > 1 and pid != os.getpid()


def may_signal_group(pgid: int) -> bool:
    """Tell whether a process group is a real one that we are not in ourselves."""
    return pgid > 1 and pgid != os.getpgrp()


def send_signal(pid: int, start: float, signum: signal.Signals) -> bool:
    """Send a signal to that very process; return False if it is gone or belongs to another user.

    A stopped process is continued after SIGTERM, so that it can end in its own way.

    Raises:
        ValueError: For pid 0 and below, which mean groups, for pid 1 and for our own.
    """
    if not may_signal(pid):
        raise ValueError(f"refusing to signal pid {pid}")
    signals = (signum, signal.SIGCONT) if signum == signal.SIGTERM else (signum,)
    # The descriptor pins the process: whatever the start time is compared with is what gets the signal.
    descriptor = _pidfd(pid)
    try:
        if not is_running(pid, start):
            return False
        for number in signals:
            if sys.platform == "linux" and descriptor is not None:
                signal.pidfd_send_signal(descriptor, number)
            else:
                os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return True


def end_process(pid: int, start: float, *, grace_seconds: float) -> bool:
    """End that very process with SIGTERM, after the grace with SIGKILL; return whether it is gone."""
    send_signal(pid, start, signal.SIGTERM)
    if wait_until(lambda: not is_running(pid, start), grace_seconds):
        return True
    send_signal(pid, start, signal.SIGKILL)
    return wait_until(lambda: not is_running(pid, start), KILL_WAIT_SECONDS)


def end_process_group(pgid: int, start: float, *, grace_seconds: float) -> bool:
    """End a process group and all descendants of its members, those that left the group included.

    Blocks until nothing is left. Everyone gets SIGTERM once, and SIGKILL when the grace is over. A descendant outside
    the group is found only while its parent lives: one that was orphaned before is not, unless its leader adopts
    orphans and lives.

    Args:
        pgid: The group, which is the pid of its leader.
        start: When the leader started. Another start time means that the number was reused: nothing is signalled.
        grace_seconds: How long the processes have to end by themselves; 0 kills at once.

    Returns:
        False if something outlived SIGKILL, or could not be signalled, for ten seconds.

    Raises:
        ValueError: For group 0 or 1 and for our own.
    """
    if not may_signal_group(pgid):
        raise ValueError(f"refusing to signal process group {pgid}")
    living: set[_Member] = set()
    for signum, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, KILL_WAIT_SECONDS)):
        asked: set[_Member] = set()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            living = _family(pgid, start, living)
            if not living:
                return True
            for member in living - asked:
                send_signal(member.pid, member.started_at, signum)
            asked |= living
            time.sleep(_POLL_SECONDS)
    return False


def end_with_starter() -> None:
    """Have the system kill this process when the thread that started it ends, however that comes; only Linux can.

    It does so even while we are stopped, and can notice nothing. What we start is not concerned.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants that lose theirs, as daemons do by design; only Linux can do that.

    The standard library has no call for it; where the system refuses, orphans are init's, as they are everywhere else.
    Those that end stay as zombies, which hold nothing, until we end: waiting for any child would take from others the
    ends of their children.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def is_stopped(pid: int) -> bool:
    """Tell whether a process of our pid namespace stands still until somebody sends it SIGCONT."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        # It has ended, or belongs to somebody else on a machine that hides those.
        return False


def kill_own_family() -> None:
    """Kill all descendants that have left our process group, then the group, and ourselves with it."""
    group = os.getpgrp()
    deadline = time.monotonic() + KILL_WAIT_SECONDS
    # Again and again: each may have started another before it was killed.
    while time.monotonic() < deadline and (outside := _descendants_outside(group)):
        for pid, start in outside:
            send_signal(pid, start, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
    os.killpg(group, signal.SIGKILL)


def _descendants_outside(group: int) -> list[tuple[int, float]]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if os.getpgid(child.pid) != group and (start := started_at(child.pid)) is not None:
                found.append((child.pid, start))
        except ProcessLookupError:
            continue  # it ended while we looked
    return found


def _family(pgid: int, start: float, known: set[_Member]) -> set[_Member]:
    """Return what lives of the group, of the known processes, and of the descendants of both."""
    parents: dict[int, int] = {}
    grouped: set[int] = set()
    # Not `process_iter`: it remembers processes, and skips who has the pid of one that has ended since the last time.
    for pid in psutil.pids():
        try:
            parents[pid] = psutil.Process(pid).ppid()
            if os.getpgid(pid) == pgid:
                grouped.add(pid)
        except (psutil.Error, OSError):
            continue  # it ended while we looked
    leader = started_at(pgid)
    if leader is not None and abs(leader - start) > SAME_START_SECONDS:
        grouped = set()
    family = grouped | {member.pid for member in known if is_running(member.pid, member.started_at)}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    family -= {0, 1, os.getpid()}
    members = {_Member(pid, when) for pid in family if (when := started_at(pid)) is not None}
    # Nobody is older than the leader; this also guards a leaderless group number that was reused long ago.
    return {member for member in members if member.started_at >= start - SAME_START_SECONDS}


def _pidfd(pid: int) -> int | None:
    """Open a process, where the system can; None also if it is gone, which the start time tells then."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
