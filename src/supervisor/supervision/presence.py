"""Telling whether a supervisor that is on record still lives.

Each holds the kernel lock of a file of its own for as long as it lives. Under one kernel that decides, in whatever pid
namespace; a container that was killed is not taken for a living one, whose pid nobody outside can look up.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from supervisor.artifacts.layout import RunsDirectory
from supervisor.config import DISTRIBUTION
from supervisor.errors import HeldError
from supervisor.locks.descriptor import LockedFile, is_locked
from supervisor.locks.machine import this_machine
from supervisor.locks.processes import started_at
from supervisor.store.supervisors import SupervisorRow


def this_supervisor(desired_workers: int) -> SupervisorRow:
    """Describe this process; the id is new each time, so that no name ever stands for two processes."""
    here = this_machine()
    return SupervisorRow(
        id=f"{here.host}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        host=here.host,
        machine_id=here.machine_id,
        boot_id=here.boot_id,
        pid=os.getpid(),
        pid_namespace=here.pid_namespace,
        process_started_at=started_at(os.getpid()) or 0.0,
        version=version(DISTRIBUTION),
        desired_workers=desired_workers,
    )


@contextmanager
def being_present(directory: RunsDirectory, supervisor_id: str) -> Iterator[None]:
    """Be seen to live while the block runs.

    Raises:
        SurroundingsError: The lock file cannot be made.
    """
    path = _lock_file(directory, supervisor_id)
    _sweep(path.parent)
    # It gets its name when it is locked: whoever sweeps meanwhile would take it for that of a dead one.
    unnamed = path.with_suffix(".new")
    locked = LockedFile.take(unnamed)
    if locked is None:
        raise HeldError(f"somebody else holds {unnamed}, which is named after this process alone")
    unnamed.rename(path)
    try:
        yield
    finally:
        # Unlike other lock files it can go: nobody ever takes it again.
        path.unlink(missing_ok=True)
        locked.close()


def _sweep(folder: Path) -> None:
    """Remove the files of supervisors that were killed."""
    for path in folder.glob("*.lock"):
        # Only asked, not taken: somebody who asks at the same time would think that it lives.
        if not is_locked(path):
            path.unlink(missing_ok=True)


def may_be_alive(directory: RunsDirectory, supervisor: SupervisorRow) -> bool:
    """Tell whether a supervisor lives, or could live where that cannot be seen from here."""
    here = this_machine()
    if supervisor.boot_id == here.boot_id:
        return is_locked(_lock_file(directory, supervisor.id))
    return supervisor.machine_id != here.machine_id or supervisor.host != here.host


def _lock_file(directory: RunsDirectory, supervisor_id: str) -> Path:
    return directory.root / ".supervisors" / f"{supervisor_id}.lock"
