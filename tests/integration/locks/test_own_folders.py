"""Folders whose owners are killed, are stopped, or are just being made while somebody sweeps."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from supervisor.locks import own_folder
from supervisor.locks.own_folder import OwnFolder, remove_unless_used, sweep, sweep_temporary_folders, temporary_folder

OWNER = """
import sys
from pathlib import Path
from supervisor.locks.own_folder import OwnFolder
folder = OwnFolder.make(Path(sys.argv[1]), "pages-")
(folder.path / "inner").mkdir()
(folder.path / "inner" / "page").write_bytes(b"grey")
print(folder.path, flush=True)
sys.stdin.read()
folder.remove()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], tuple["subprocess.Popen[str]", Path]]]:
    """Start a process that owns a folder."""
    started: list[subprocess.Popen[str]] = []

    def start() -> tuple["subprocess.Popen[str]", Path]:
        command = [sys.executable, "-c", OWNER, str(tmp_path / "parent")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return process, Path(process.stdout.readline().rstrip("\n"))

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_whoever_comes_next_removes_what_a_killed_process_left_and_nothing_else(
    tmp_path: Path, start: Callable[[], tuple["subprocess.Popen[str]", Path]]
) -> None:
    (killed, left), (stopped, kept), (ending, _) = start(), start(), start()
    other = tmp_path / "parent" / "other-purpose"
    other.mkdir()
    psutil.Process(stopped.pid).suspend()
    for path in (left, kept):
        os.utime(path, (0, 0))  # age says nothing
    sweep(tmp_path / "parent", "pages-")
    assert left.exists()
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    ending.communicate()
    with OwnFolder.make(tmp_path / "parent", "pages-") as mine:
        assert set((tmp_path / "parent").iterdir()) == {kept, other, mine.path}
        assert (kept / "inner" / "page").read_bytes() == b"grey"
    assert set((tmp_path / "parent").iterdir()) == {kept, other}


def test_something_can_be_done_before_a_dead_folder_goes(
    tmp_path: Path, start: Callable[[], tuple["subprocess.Popen[str]", Path]]
) -> None:
    process, left = start()
    process.kill()
    process.wait()
    seen: list[Path] = []

    def look(found: Path) -> None:
        seen.append(found)
        assert (found / "inner" / "page").exists()
        assert not remove_unless_used(found), "who looks has locked it"

    sweep(tmp_path / "parent", "pages-", first=look)
    assert seen == [left]
    assert not left.exists()
    assert remove_unless_used(left), "it is gone"


def test_what_is_no_folder_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "pages-link").symlink_to(tmp_path / "target")
    (tmp_path / "pages-file").touch()
    strangers = tmp_path / "pages-strange"
    strangers.mkdir()
    if os.getuid() == 0:
        os.chown(strangers, 12345, 12345)
        expected = {"target", "pages-link", "pages-file", "pages-strange"}
    else:
        expected = {"target", "pages-link", "pages-file"}
    sweep(tmp_path, "pages-")
    sweep(tmp_path / "missing", "pages-")
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_who_is_swept_up_before_it_has_its_lock_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_, swept = os.open, []

    def swept_just_after(path: Path, *others: Any, **named: Any) -> int:
        descriptor = open_(path, *others, **named)
        if not swept:
            swept.append(path)
            sweep(tmp_path, "pages-")
        return descriptor

    monkeypatch.setattr(os, "open", swept_just_after)
    with OwnFolder.make(tmp_path, "pages-") as mine:
        assert swept
        assert not swept[0].exists()
        assert list(tmp_path.iterdir()) == [mine.path]


def test_a_parent_that_goes_while_it_is_looked_at_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, mkdir, refused = tmp_path / "parent", Path.mkdir, list[Path]()

    def there_a_moment_ago(path: Path, *others: Any, **named: Any) -> None:
        if not refused:
            refused.append(path)
            raise FileExistsError(str(path))
        mkdir(path, *others, **named)

    monkeypatch.setattr(Path, "mkdir", there_a_moment_ago)
    with OwnFolder.make(parent, "pages-") as mine:
        assert refused == [parent]
        assert mine.path.is_dir()


def test_a_file_in_place_of_the_parent_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "parent").touch()
    with pytest.raises(NotADirectoryError):
        OwnFolder.make(tmp_path / "parent", "pages-")


def test_who_makes_a_folder_while_others_sweep_has_it(tmp_path: Path) -> None:
    parent, over = tmp_path / "parent", threading.Event()

    def sweeping() -> None:
        while not over.is_set():
            sweep(parent, "pages-")
            try:
                parent.rmdir()
            except OSError:
                continue

    threads = [threading.Thread(target=sweeping) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            with OwnFolder.make(parent, "pages-") as mine:
                (mine.path / "file").touch()
                assert (mine.path / "file").exists()
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_temporary_folders_are_swept_whatever_they_were_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_folder.tempfile, "tempdir", str(tmp_path))
    command = "from supervisor.locks.own_folder import *; import os; temporary_folder('index'); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", command], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert [path.name[:21] for path in tmp_path.iterdir()] == ["supervisor-tmp-index-"]
    with temporary_folder("try") as mine:
        sweep_temporary_folders()
        assert list(tmp_path.iterdir()) == [mine.path]
    assert not list(tmp_path.iterdir())
