"""Mounting a network file system needs rights and servers; the table of mounts is what is made up here."""

from pathlib import Path

import psutil
import pytest
from psutil._ntuples import sdiskpart

from supervisor.artifacts.filesystems import network_file_system

LOCAL = [("/", "ext4"), ("/dev/shm", "tmpfs")]  # noqa: S108 (nothing is made there)


def test_here_everything_is_local(tmp_path: Path) -> None:
    assert network_file_system(tmp_path) is None
    assert network_file_system(tmp_path / "not" / "made" / "yet") is None


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ([*LOCAL, ("/srv", "nfs4")], "nfs4"),
        ([*LOCAL, ("/srv/archive", "cifs")], "cifs"),
        ([*LOCAL, ("/srv", "nfs4"), ("/srv/archive", "xfs")], None),
        ([*LOCAL, ("/srv/archive/runs2", "nfs4")], None),
        ([*LOCAL, ("/srv/arch", "nfs4")], None),
        ([*LOCAL, ("/srv", "fuse.sshfs")], "fuse.sshfs"),
        ([*LOCAL, ("/srv", "fuse.rclone")], "fuse.rclone"),
        ([*LOCAL, ("/srv", "fuse.gocryptfs")], None),
        # systemd's automount units leave both in the table, the real one after the trigger.
        ([*LOCAL, ("/srv", "autofs"), ("/srv", "nfs4")], "nfs4"),
        ([*LOCAL, ("/srv", "nfs4"), ("/srv", "ext4")], None),
        ([], None),
    ],
)
def test_the_innermost_mount_on_top_decides(
    monkeypatch: pytest.MonkeyPatch, mounts: list[tuple[str, str]], kind: str | None
) -> None:
    table = [sdiskpart(f"device{number}", *mount, "rw") for number, mount in enumerate(mounts)]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_all: table)
    assert network_file_system(Path("/srv/archive/runs")) == kind


def test_links_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to("/srv/archive")
    table = [sdiskpart("d", "/", "ext4", "rw"), sdiskpart("d", "/srv/archive", "nfs", "rw")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_all: table)
    assert network_file_system(tmp_path / "link" / "runs") == "nfs"
