import os
from pathlib import Path

import pytest

from supervisor.ocr.errors import DocumentError
from supervisor.ocr.preparation import PageFolders, write_pgm
from supervisor.ocr.scratch import ScratchFolder


class Space:
    """File system figures; the one thing about a full disk that a test cannot arrange without being root."""

    f_frsize = 1

    def __init__(self, free_bytes: int) -> None:
        self.f_bavail = free_bytes


def test_memory_first_then_disk_then_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = PageFolders(tmp_path / "memory" / "1", tmp_path / "disk" / "1")
    assert write_pgm(b"abcdef", 3, 2, folders) == folders.scratch / "page.pgm"
    assert (folders.scratch / "page.pgm").read_bytes() == b"P5\n3 2\n255\nabcdef"

    free = {folders.scratch: 1000, folders.spill: 1 << 30}
    monkeypatch.setattr(os, "statvfs", lambda path: Space(free[path]))
    assert write_pgm(b"abcdef", 3, 2, folders) == folders.spill / "page.pgm"
    free[folders.spill] = 1000
    with pytest.raises(DocumentError, match="needs 0 MB"):
        write_pgm(b"abcdef", 3, 2, folders)


def test_a_full_memory_file_system_is_left_for_the_disk(tmp_path: Path) -> None:
    folders = PageFolders(tmp_path / "memory", tmp_path / "disk")
    folders.scratch.mkdir()
    (folders.scratch / "page.pgm").symlink_to("/dev/full")
    assert write_pgm(b"abcdef", 3, 2, folders) == folders.spill / "page.pgm"


def test_folders_of_the_killed_are_swept_and_those_of_the_living_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    living, dead = ScratchFolder(tmp_path), ScratchFolder(tmp_path)
    os.close(dead._lock)
    monkeypatch.setattr("supervisor.ocr.scratch._SETTLED_SECONDS", -1)
    another = ScratchFolder(tmp_path)
    assert set(tmp_path.iterdir()) == {living.path, another.path}
    living.remove()
    another.remove()
    assert list(tmp_path.iterdir()) == []
