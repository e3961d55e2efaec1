import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from supervisor.errors import NoRoomError
from supervisor.ocr.pages.page_files import PageFolders
from supervisor.ocr.processing import process_documents


class Space:
    """File system figures; the one thing about a full disk that a test cannot arrange without being root."""

    f_frsize = 1

    def __init__(self, free_bytes: int) -> None:
        self.f_bavail = free_bytes


def write(folders: PageFolders, content: bytes = b"abcdef") -> Path:
    return folders.write("page.tif", len(content), lambda stream: stream.write(content))


def test_memory_first_then_disk_then_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = PageFolders(tmp_path / "memory" / "1", tmp_path / "disk" / "1")
    folders.scratch.parent.mkdir()
    folders.spill.parent.mkdir()
    assert write(folders) == folders.scratch / "page.tif"
    assert (folders.scratch / "page.tif").read_bytes() == b"abcdef"
    assert write(folders, b"next").read_bytes() == b"next"

    free = {folders.scratch: 1000, folders.spill: 1 << 30}
    monkeypatch.setattr(os, "statvfs", lambda path: Space(free[path]))
    assert write(folders) == folders.spill / "page.tif"
    free[folders.spill] = 1000
    with pytest.raises(NoRoomError, match="needs 17 MB"):
        write(folders)


def test_a_full_memory_file_system_is_left_for_the_disk(tmp_path: Path) -> None:
    folders = PageFolders(tmp_path / "memory", tmp_path / "disk")
    folders.scratch.mkdir()
    (folders.scratch / "page.tif").symlink_to("/dev/full")
    assert write(folders) == folders.spill / "page.tif"


def test_where_memory_is_gone_pages_go_to_the_disk(tmp_path: Path) -> None:
    folders = PageFolders(tmp_path / "memory" / "1", tmp_path / "disk" / "1")
    folders.spill.parent.mkdir()
    assert write(folders) == folders.spill / "page.tif"
    assert not folders.scratch.parent.exists(), "whoever makes it again cannot know who may enter it"
    folders.remove()
    folders.spill.parent.rmdir()
    with pytest.raises(FileNotFoundError):
        write(folders)


def test_where_memory_is_gone_nobody_is_told_to_begin_no_task(tmp_path: Path) -> None:
    pool: Any = SimpleNamespace(workers=1, new_file=lambda purpose: tmp_path / "gone" / purpose)
    known: Any = SimpleNamespace(is_asked=False)
    assert list(process_documents([], pool, known, stop=threading.Event())) == []
