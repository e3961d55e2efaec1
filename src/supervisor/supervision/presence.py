"""Telling whether a supervisor that is on record still lives.

Each holds the kernel lock of a file of its own for as long as it lives. Under one kernel that decides, in whatever pid
namespace; a container that was killed is not taken for a living one, whose pid nobody outside can look up.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from supervisor.artifacts.layout import RunsDirectory
from supervisor.config import DISTRIBUTION
from supervisor.errors import HeldError
from supervisor.locks.descriptor import LockedFile, is_locked
from supervisor.locks.machine import this_machine
from supervisor.locks.processes import SAME_START_SECONDS, is_stopped, started_at
from supervisor.model.lease import is_expired
from supervisor.model.liveness import HolderView, Nearness, Verdict, nearness, verdict
from supervisor.store.databases import Databases
from supervisor.store.supervisors import Heard, SupervisorRow

_UNNAMED = ".new"


def this_supervisor(
    directory: RunsDirectory, *, desired_workers: int, lease_seconds: int, name: str | None = None
) -> SupervisorRow:
    """Describe this process; the id is new each time, so that no name ever stands for two processes.

    Args:
        directory: Where its locks are.
        desired_workers: How many workers it has.
        lease_seconds: How long it may be silent before its runs are another's to take.
        name: What its id and those of its workers begin with; default is the host's name and the process's number.
    """
    here = this_machine()
    return SupervisorRow(
        id=f"{name or f'{here.host}-{os.getpid()}'}-{uuid.uuid4().hex[:8]}",
        host=here.host,
        # Where the system has no id, the host's name stands in for it, and says nothing that the name does not say.
        machine_id=None if here.machine_id.startswith("host:") else here.machine_id,
        boot_id=here.boot_id,
        pid=os.getpid(),
        pid_namespace=here.pid_namespace,
        process_started_at=started_at(os.getpid()) or 0.0,
        version=version(DISTRIBUTION),
        desired_workers=desired_workers,
        runs_directory=os.fsencode(directory.root).decode(errors="backslashreplace"),
        lease_seconds=lease_seconds,
    )


@contextmanager
def being_present(directory: RunsDirectory, supervisor_id: str) -> Iterator[None]:
    """Be seen to live while the block runs.

    Raises:
        SurroundingsError: The lock file cannot be made.
    """
    path = _lock_file(directory, supervisor_id)
    _sweep(path.parent)
    locked = _take(path)
    try:
        yield
    finally:
        # Unlike other lock files it can go: nobody ever takes it again.
        path.unlink(missing_ok=True)
        locked.close()


def _take(path: Path) -> LockedFile:
    # It gets its name when it is locked: whoever sweeps meanwhile would take it for that of a dead one.
    unnamed = path.with_suffix(_UNNAMED)
    while True:
        locked = LockedFile.take(unnamed)
        if locked is None:
            raise HeldError(f"somebody else holds {unnamed}, which is named after this process alone")
        try:
            unnamed.rename(path)
        except FileNotFoundError:
            # Somebody who sweeps had asked for its lock before we took it.
            locked.close()
        else:
            return locked


def _sweep(folder: Path) -> None:
    """Remove the files of supervisors that were killed."""
    for path in (*folder.glob("*.lock"), *folder.glob(f"*{_UNNAMED}")):
        # Only asked, not taken: somebody who asks at the same time would think that it lives.
        if not is_locked(path):
            path.unlink(missing_ok=True)


def judge(directory: RunsDirectory, databases: Databases, supervisor: SupervisorRow) -> Verdict:
    """Tell what is known here of a supervisor."""
    near = nearness(supervisor, this_machine())
    process_alive = _process_alive(supervisor.pid, supervisor.process_started_at)
    lock_held = None
    if not databases.shared:
        # Its control database is in our runs directory: so are its locks.
        lock_held = is_locked(_lock_file(directory, supervisor.id))
    elif near is Nearness.PIDS and process_alive and _sees_our_files(supervisor.pid):
        # A process can live on when what it did as a supervisor has ended, or failed.
        lock = _lock_file(RunsDirectory(Path(supervisor.runs_directory)), supervisor.id)
        lock_held = is_locked(lock) if lock.parent.is_dir() else None
    return verdict(HolderView(nearness=near, lock_held=lock_held, process_alive=process_alive))


def stands_still(supervisor: SupervisorRow) -> bool:
    """Tell whether a supervisor lives on this host and was stopped, by SIGSTOP or Ctrl-Z: it keeps its runs."""
    if nearness(supervisor, this_machine()) is not Nearness.PIDS:
        return False
    return _process_alive(supervisor.pid, supervisor.process_started_at) is True and is_stopped(supervisor.pid)


def may_be_alive(
    directory: RunsDirectory, databases: Databases, heard: Heard, *, at: datetime, leases: float = 1
) -> bool:
    """Tell whether a supervisor lives, or could live where that cannot be seen from here.

    Args:
        directory: Our runs directory.
        databases: Those that it is on record in.
        heard: The supervisor, and when it was heard of.
        at: Now, by the database's clock.
        leases: How many of its leases it has to be silent for, one after another, before it is given up unseen.
    """
    match judge(directory, databases, heard.supervisor):
        case Verdict.ALIVE:
            return True
        case Verdict.DEAD:
            return False
        case Verdict.BY_LEASE:
            return not is_expired(heard.heartbeat_at, leases * heard.supervisor.lease_seconds, at=at)


def _process_alive(pid: int, start: float) -> bool | None:
    """Tell whether a process of our pid namespace lives; None if its pid is there with another start time.

    That may be another process, or the same, and the machine's clock was set meanwhile.
    """
    now = started_at(pid)
    if now is None:
        return False
    return True if abs(now - start) <= SAME_START_SECONDS else None


def _sees_our_files(pid: int) -> bool:
    """Tell whether paths certainly lead a process of our pid namespace to where they lead us."""
    if pid == os.getpid():
        return True
    process = Path("/proc", str(pid))
    try:
        return (process / "ns/mnt").samefile("/proc/self/ns/mnt") and (process / "root").samefile("/")
    except OSError:
        # It has ended, or belongs to another user, or this is a system without /proc.
        return False


def _lock_file(directory: RunsDirectory, supervisor_id: str) -> Path:
    return directory.root / ".supervisors" / f"{supervisor_id}.lock"
