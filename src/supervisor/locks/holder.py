"""The record of who holds a lock: it informs people and directs signals; the kernel lock decides."""

import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Self, get_args, get_type_hints

from supervisor.clock import Clock, SystemClock
from supervisor.locks import processes
from supervisor.locks.machine import Machine, this_machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who took a lock, where and when.

    Attributes:
        run_id: The run it was taken for.
        term: The lease term of that run's claim.
        pid: The supervisor's, in its own pid namespace.
        process_started_at: When that process started, in seconds since the epoch.
        machine_id: See `Machine`, as for `boot_id`, `pid_namespace` and `host`.
        taken_at: Aware UTC.
        workspace: The directory, if this is a workspace lease.
        process_group: The executor's process group, once it has started.
        process_group_started_at: When the leader of that group started, in seconds since the epoch.
    """

    run_id: str
    term: int
    pid: int
    process_started_at: float
    machine_id: str
    boot_id: str
    pid_namespace: str | None
    host: str
    taken_at: datetime
    workspace: str | None = None
    process_group: int | None = None
    process_group_started_at: float | None = None

    @classmethod
    def this_process(cls, run_id: str, *, term: int, workspace: str | None = None, clock: Clock | None = None) -> Self:
        """Make the record of a lock that this process takes now."""
        here = this_machine()
        return cls(
            run_id=run_id,
            term=term,
            pid=os.getpid(),
            process_started_at=processes.started_at(os.getpid()) or 0.0,
            machine_id=here.machine_id,
            boot_id=here.boot_id,
            pid_namespace=here.pid_namespace,
            host=here.host,
            taken_at=(clock or SystemClock()).now(),
            workspace=workspace,
        )

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Read a record; return None for one that is damaged or of another shape."""
        try:
            found = json.loads(text)
            found["taken_at"] = datetime.fromisoformat(found["taken_at"])
            values = {field.name: found[field.name] for field in fields(cls)}
        except (ValueError, KeyError, TypeError):
            return None
        hints = get_type_hints(cls)
        if not all(_fits(value, hints[name]) for name, value in values.items()):
            return None
        return cls(**values) if values["pid"] > 0 and values["taken_at"].tzinfo else None

    def to_json(self) -> str:
        """Write the record as one JSON object."""
        return json.dumps({**asdict(self), "taken_at": self.taken_at.isoformat()}, indent=1)

    def is_here(self, here: Machine | None = None) -> bool:
        """Tell whether the record's pids mean something to us: same machine, boot and pid namespace."""
        here = here or this_machine()
        return self._same_machine(here) and (self.boot_id, self.pid_namespace) == (here.boot_id, here.pid_namespace)

    def is_under_our_kernel(self, here: Machine | None = None) -> bool:
        """Tell whether a kernel lock that we can take proves that this holder is gone.

        True under the same kernel, and for an earlier boot of this machine, whose kernel is gone with its locks.
        Machine ids are sometimes baked into images: another boot counts as ours only if the host name agrees, too.
        """
        here = here or this_machine()
        return self.boot_id == here.boot_id or self._same_machine(here)

    def is_alive(self) -> bool | None:
        """Tell whether the recorded process is alive; None if that cannot be known from here."""
        return processes.is_running(self.pid, self.process_started_at) if self.is_here() else None

    def describe(self) -> str:
        """Return how people are shown a holder."""
        return f"pid {self.pid} on {self.host}"

    def _same_machine(self, here: Machine) -> bool:
        if self.machine_id != here.machine_id:
            return False
        return self.boot_id == here.boot_id or self.host == here.host


def _fits(value: Any, hint: Any) -> bool:
    allowed = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if float in allowed:
        allowed = (*allowed, int)
    return type(value) in {NoneType if kind is None else kind for kind in allowed}
