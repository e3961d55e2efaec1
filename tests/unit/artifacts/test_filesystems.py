"""Mounting a network file system needs rights and servers; the table of mounts is what is made up here."""

import sys
from pathlib import Path

import pytest

from supervisor.artifacts.filesystems import Mount, mounts, network_file_system, read_mounts

LOCAL = [("/", "ext4"), ("/dev/shm", "tmpfs")]  # noqa: S108 (nothing is made there)


def test_here_everything_is_local(tmp_path: Path) -> None:
    assert network_file_system(tmp_path) is None
    assert network_file_system(tmp_path / "not" / "made" / "yet") is None


@pytest.mark.parametrize(
    ("table", "kind"),
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
def test_the_innermost_mount_on_top_decides(table: list[tuple[str, str]], kind: str | None) -> None:
    mounted = [Mount(Path(point), found) for point, found in table]
    assert network_file_system(Path("/srv/archive/runs"), mounted) == kind


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/srv/archive")
    mounted = [Mount(Path("/"), "ext4"), Mount(Path("/srv/archive"), "nfs")]
    assert network_file_system(tmp_path / "link" / "runs", mounted) == "nfs"


@pytest.mark.skipif(sys.platform != "linux", reason="there is no table to read")
def test_the_table_of_this_machine_reads_as_what_is_mounted() -> None:
    assert read_mounts(Path("/proc/self/mounts")) == mounts()


def test_a_table_may_have_comments_blanks_and_half_lines(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text(
        "# device point kind\n\n/dev/vda1 / ext4 rw 0 0\nserver:/x /srv/the\\040archive nfs4 rw 0 0\nhalf /a"
    )
    assert read_mounts(table) == [Mount(Path("/"), "ext4"), Mount(Path("/srv/the archive"), "nfs4")]
