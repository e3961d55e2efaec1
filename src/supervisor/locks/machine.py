"""Where this process runs: machine, boot and pid namespace, as lock records and rescue compare them."""

import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@dataclass(frozen=True, slots=True)
class Machine:
    """One place where pids mean something.

    Attributes:
        machine_id: `/etc/machine-id`; where there is none, the host name marked as such.
        boot_id: Differs between two boots, equal in all containers of one kernel.
        pid_namespace: `pid:[…]` on Linux, None elsewhere. It may be all that tells two containers apart.
        host: The host name, for people.
    """

    machine_id: str
    boot_id: str
    pid_namespace: str | None
    host: str


def this_machine() -> Machine:
    """Return where this process runs."""
    host = socket.gethostname()
    return Machine(
        machine_id=_machine_id() or f"host:{host}",
        boot_id=_read(_BOOT_ID) or f"booted-{int(psutil.boot_time())}",
        pid_namespace=_pid_namespace(),
        host=host,
    )


def _machine_id() -> str | None:
    # An image that was never started holds an empty file or the word "uninitialized", see machine-id(5).
    found = (_read(path) for path in _MACHINE_IDS)
    return next((text for text in found if text and text != "uninitialized"), None)


def _pid_namespace() -> str | None:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
