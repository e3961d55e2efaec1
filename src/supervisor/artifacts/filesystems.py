"""What kind of file system a directory lies on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_NETWORK_FUSE = ("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.ceph", "fuse.rclone")
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """A line of a mount table.

    Attributes:
        point: The directory.
        kind: Of the file system, as the system names it.
    """

    point: Path
    kind: str


def mounts() -> list[Mount]:
    """Return what is mounted on this machine, in the order in which it was."""
    return [Mount(Path(found.mountpoint), found.fstype) for found in psutil.disk_partitions(all=True)]


def read_mounts(table: Path) -> list[Mount]:
    """Read a mount table that looks like `/proc/self/mounts`; lines that do not are left out.

    Raises:
        OSError: It cannot be read.
    """
    lines = table.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    found = (line.split() for line in lines if not line.startswith("#"))
    # Blanks and line ends in names are written as octal numbers: fstab(5).
    return [Mount(Path(_ESCAPED.sub(lambda code: chr(int(code[1], 8)), one[1])), one[2]) for one in found if one[2:]]


def mount_of(directory: Path, table: Sequence[Mount] | None = None) -> Mount | None:
    """Return what a directory lies on, or would; None if the table does not tell.

    Args:
        directory: Need not exist.
        table: What is mounted; None for what is on this machine.
    """
    resolved = directory.resolve()
    above = [mount for mount in (mounts() if table is None else table) if resolved.is_relative_to(mount.point)]
    # Of several on one directory the last is on top: an automounted one stands behind its `autofs`.
    return max(reversed(above), key=lambda mount: len(mount.point.parts), default=None)


def network_file_system(directory: Path, table: Sequence[Mount] | None = None) -> str | None:
    """Return the type of the network file system that a directory lies on, or would; None for a local one.

    Kernel locks there do not exclude other machines, and SQLite's write-ahead log does not work.
    """
    mount = mount_of(directory, table)
    if mount is None or not (mount.kind in _NETWORK or mount.kind.startswith(_NETWORK_FUSE)):
        return None
    return mount.kind
