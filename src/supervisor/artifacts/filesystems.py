"""What kind of file system a directory lies on."""

from pathlib import Path

import psutil

_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_NETWORK_FUSE = ("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.ceph", "fuse.rclone")


def network_file_system(directory: Path) -> str | None:
    """Return the type of the network file system that a directory lies on, or would; None for a local one.

    Kernel locks there do not exclude other machines, and SQLite's write-ahead log does not work.
    """
    resolved = directory.resolve()
    mounts = [mount for mount in psutil.disk_partitions(all=True) if resolved.is_relative_to(mount.mountpoint)]
    if not mounts:
        return None
    # Of several on one directory the last is on top: an automounted one stands behind its `autofs`.
    kind = max(reversed(mounts), key=lambda mount: len(Path(mount.mountpoint).parts)).fstype
    return kind if kind in _NETWORK or kind.startswith(_NETWORK_FUSE) else None
