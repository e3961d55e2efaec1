"""Telling whether a supervisor that is on record still lives."""

import os
import uuid
from importlib.metadata import version

from supervisor.locks.machine import this_machine
from supervisor.locks.processes import is_running, started_at
from supervisor.store.supervisors import SupervisorRow

DISTRIBUTION = "ocr-run-supervisor"


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


def may_be_alive(supervisor: SupervisorRow) -> bool:
    """Tell whether a supervisor lives, or could live where its pid cannot be looked up from here."""
    here = this_machine()
    if supervisor.machine_id != here.machine_id:
        return True
    if supervisor.boot_id != here.boot_id:
        return supervisor.host != here.host
    if supervisor.pid_namespace != here.pid_namespace:
        return True
    return is_running(supervisor.pid, supervisor.process_started_at)
