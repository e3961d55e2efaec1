"""What the control groups of this process allow it: a container's, a systemd unit's, a batch system's."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


def quota_cores(root: Path = Path("/")) -> float | None:
    """Return how many cores' time the process may use, such as 1.5; None without a quota.

    Args:
        root: Where /proc and /sys are.
    """
    quotas = [_read(group / "cpu.max").partition(" ")[::2] for group in _groups(root, "")]
    quotas += [
        (_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")) for group in _groups(root, "cpu")
    ]
    # Version 2 writes "max" for none, version 1 writes -1.
    cores = [int(quota) / int(period) for quota, period in quotas if quota.isdigit() and period.isdigit()]
    return min(cores, default=None)


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """Return how much memory the process and its neighbours in the group may use; None if all there is.

    Args:
        root: Where /proc and /sys are.
    """
    limits = [_read(group / name) for group in _groups(root, "") for name in ("memory.max", "memory.high")]
    limits += [_read(group / "memory.limit_in_bytes") for group in _groups(root, "memory")]
    return min((int(limit) for limit in limits if limit.isdigit()), default=None)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of our group and of those around it, see cgroups(7); version 2 has no name of a controller.

    In a container our group is often told by a path that only the host has: then the top counts, which is ours.
    """
    mounted = root / "sys/fs/cgroup" / controller
    for line in _read(root / "proc/self/cgroup").splitlines():
        _number, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            group = mounted / path.lstrip("/")
            while group != mounted:
                yield group
                group = group.parent
    yield mounted


def _read(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="utf-8", errors="replace").strip()
    return ""
