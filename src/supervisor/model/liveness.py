"""Judging whether the supervisor that holds a running run still lives, by what can be seen of it from here.

A kernel lock decides wherever it can be seen: a supervisor holds that of its presence file for as long as it lives,
stopped or not. Its pid decides where it has a meaning for us. Elsewhere nothing is seen but its beats, so only the
lease of the run can tell.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never


class Place(Protocol):
    """Where a process runs, as a machine tells of itself and a supervisor's row of another."""

    @property
    def host(self) -> str:
        """The host name."""

    @property
    def machine_id(self) -> str | None:
        """Belongs to the installed system; None is unknown."""

    @property
    def boot_id(self) -> str | None:
        """Belongs to the running kernel; None is unknown."""

    @property
    def pid_namespace(self) -> str | None:
        """What pids are relative to; None where the system has no such thing."""


class Nearness(StrEnum):
    """What a process shares with us."""

    PIDS = "pids"
    """Kernel and pid namespace: its pid means to us what it means to itself."""
    KERNEL = "kernel"
    """The kernel alone: we see its locks, if we see the file, and not its pid."""
    MACHINE = "machine"
    """The machine before it was booted last."""
    NOTHING = "nothing"
    """Nothing that we know of."""


class Verdict(StrEnum):
    """What is known of the holder of a run."""

    ALIVE = "alive"
    DEAD = "dead"
    BY_LEASE = "by lease"


@dataclass(frozen=True, kw_only=True)
class HolderView:
    """What is seen from here of the supervisor that holds a run.

    Attributes:
        nearness: What it shares with us.
        lock_held: Whether somebody holds the lock of its presence file; a file that is gone is free. None unless that
            file lies in a runs directory that is certainly ours: the same path can be another directory in a container.
        process_alive: Whether a process with its pid and start time lives; None if that cannot be told.
    """

    nearness: Nearness
    lock_held: bool | None = None
    process_alive: bool | None = None


def nearness(there: Place, here: Place) -> Nearness:
    """Tell what two processes share.

    Boot ids are equal in all containers of one kernel, and machine ids may be baked into images: another boot is one of
    this machine only if the host name agrees, too.
    """
    if there.boot_id is None or here.boot_id is None:
        return Nearness.NOTHING
    if there.boot_id == here.boot_id:
        return Nearness.PIDS if there.pid_namespace == here.pid_namespace else Nearness.KERNEL
    if there.machine_id is not None and (there.machine_id, there.host) == (here.machine_id, here.host):
        return Nearness.MACHINE
    return Nearness.NOTHING


def verdict(view: HolderView | None) -> Verdict:
    """Judge the holder of a run; None stands for one without a supervisor on record, such as a claim by hand."""
    if view is None:
        return Verdict.BY_LEASE
    match view.nearness:
        case Nearness.PIDS:
            return _decided(view.lock_held if view.lock_held is not None else view.process_alive)
        case Nearness.KERNEL:
            return _decided(view.lock_held)
        case Nearness.MACHINE:
            return Verdict.DEAD
        case Nearness.NOTHING:
            return Verdict.BY_LEASE
        case _:
            assert_never(view.nearness)


def _decided(lives: bool | None) -> Verdict:
    if lives is None:
        return Verdict.BY_LEASE
    return Verdict.ALIVE if lives else Verdict.DEAD
