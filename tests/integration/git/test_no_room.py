"""Disks that fill up under git: nothing half made is left, and the reason is named, whatever git says."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor.errors import NoRoomError
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from support.small_disk import SmallDisk

RunGit = Callable[..., bytes]
LARGE = b"scans/large.tiff"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "disk", 3_000_000)
    yield made
    made.unmount()


def left_over(common_dir: Path) -> list[Path]:
    return [
        path
        for path in common_dir.rglob("*")
        if "tmp_" in path.name or (path.suffix == ".lock" and path.name != "supervisor-metadata.lock")
    ]


@pytest.mark.parametrize("leaving_bytes", [0, 4096, 500_000])
def test_a_workspace_without_room_is_not_left_half_made(
    top: Path, disk: SmallDisk, git: RunGit, commit: Callable[..., str], leaving_bytes: int
) -> None:
    head = commit(top, {LARGE: bytes(range(256)) * 4000})
    manager = WorkspaceManager(Repository.discover(top), disk.folder / "runs")
    (disk.folder / "runs" / "workspaces").mkdir(parents=True)
    disk.fill(leaving_bytes=leaving_bytes)
    with pytest.raises(NoRoomError, match="no room is left on the disk of"):
        manager.create("r", head, [LARGE])
    assert manager.inspect_all() == []
    assert list((top / ".git").glob("worktrees/*")) == []
    disk.make_room()
    path = manager.create("r", head, [LARGE])
    assert (path / LARGE.decode()).stat().st_size == 256_000 * 4
    git(top, "fsck", "--strict")


def test_a_repository_without_room_is_left_whole(
    disk: SmallDisk, tmp_path: Path, git: RunGit, commit: Callable[..., str]
) -> None:
    top = disk.folder / "archive"
    git(tmp_path, "init", "--quiet", str(top))
    head = commit(top, {b"a.png": b"a"})
    repository = Repository.discover(top)
    disk.fill()
    for change in (
        lambda: repository.pin({"r": head}),
        lambda: WorkspaceManager(repository, tmp_path / "runs").create("r", head, [b"a.png"]),
    ):
        with pytest.raises(NoRoomError, match="no room is left on the disk of"):
            change()
    assert left_over(top / ".git") == []
    assert list((top / ".git").glob("worktrees/*")) == []
    disk.make_room()
    git(top, "fsck", "--strict")
    repository.pin({"r": head})
    assert WorkspaceManager(repository, tmp_path / "runs").create("r", head, [b"a.png"]).is_dir()
