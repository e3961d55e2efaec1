"""Many processes use one cache directory at once, and some of them die at any moment."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.cache.entries import CachedPage
from supervisor.ocr.cache.files import sweep_new
from supervisor.ocr.cache.keys import JobKeys
from supervisor.ocr.cache.upkeep import keep_bounded, prune

USER = Path(__file__).with_name("cache_user.py")
KEYS = JobKeys(settings="s", language_data="l", versions="v", preparation="p", reading="r")
PAGE = CachedPage("ocr", "text", "<div>text</div>", page_key="page-1")


def start(folder: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(USER), str(folder / "cache"), str(seed), str(folder / "stop")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def rounds(user: subprocess.Popen[str], count: int) -> int:
    """Wait until a user has made so many rounds, and return how many pages it has found."""
    assert user.stdout
    for _ in range(count):
        line = user.stdout.readline()
        assert line.strip().isdecimal(), line + user.stdout.read()
    return int(line)


def test_nobody_reads_what_was_not_kept(tmp_path: Path) -> None:
    survivors = [start(tmp_path, seed) for seed in range(3)]
    for number in range(4):
        victim = start(tmp_path, 100 + number)
        # It is at work by then, and killed wherever it is.
        rounds(victim, 1 + number % 3)
        victim.kill()
        victim.communicate()
    assert all(rounds(survivor, 30) for survivor in survivors)
    (tmp_path / "stop").touch()
    for survivor in survivors:
        out, _ = survivor.communicate()
        assert survivor.returncode == 0, out


WRITER = """
import os, signal, sys
from pathlib import Path
from supervisor.ocr.cache import files
os.rename = lambda *_arguments, **_folders: (print("written", flush=True), signal.pause())
files.write_file(Path(sys.argv[1]), ("entries", "3f"), "page-3f", b"whole, and not yet there")
"""


@pytest.mark.parametrize("sweeping", [prune, keep_bounded])
def test_what_killed_writers_left_is_removed_and_nothing_of_those_who_live(
    tmp_path: Path, sweeping: Callable[[Path, int], object]
) -> None:
    directory = tmp_path / "cache"
    PageCache(directory).keep(KEYS, "blob", 1, "picture", PAGE)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        assert all(writer.stdout and writer.stdout.readline() == b"written\n" for writer in writers)
        (directory / "new" / "folder").mkdir()
        (directory / "new" / "link").symlink_to(directory / "CACHEDIR.TAG")
        sweeping(directory, 10**9)
        assert len(list((directory / "new").iterdir())) == 4
        writers[0].kill()
        writers[0].wait()
        sweeping(directory, 10**9)
        left = {path.name.partition("-")[0] for path in (directory / "new").iterdir()}
        assert left == {str(writers[1].pid), "folder", "link"}
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert PageCache(directory).page(KEYS, "blob", 1) == PAGE


def test_who_writes_while_others_sweep_has_its_entry(tmp_path: Path) -> None:
    directory, over = tmp_path / "cache", threading.Event()

    def sweeping() -> None:
        while not over.is_set():
            sweep_new(directory)

    thread = threading.Thread(target=sweeping)
    thread.start()
    try:
        for number in range(200):
            PageCache(directory).keep(KEYS, f"{number}", 1, "picture", PAGE)
            assert PageCache(directory).page(KEYS, f"{number}", 1) == PAGE
    finally:
        over.set()
        thread.join()
    assert not list((directory / "new").iterdir())


FULL_DISK = """
import logging, resource, sys
from pathlib import Path
from supervisor.ocr.cache.cache import PageCache
sys.path.insert(0, sys.argv[2])
from cache_user import KEYS, page

logging.basicConfig(level="WARNING", format="%(levelname)s %(message)s")
cache = PageCache(Path(sys.argv[1]))
cache.keep(KEYS, "before", 1, "1", page(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
for number in range(10):
    cache.keep(KEYS, f"{number}", 1, f"{number}", page(number))
    assert cache.page(KEYS, f"{number}", 1) == page(number)
fresh = PageCache(Path(sys.argv[1]))
assert fresh.page(KEYS, "before", 1) == page(1)
assert fresh.page(KEYS, "9", 1) is None
"""


def test_a_full_disk_is_told_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    command = [sys.executable, "-c", FULL_DISK, str(directory), str(USER.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"WARNING the page cache {directory} cannot be written, which costs time and nothing else:")
    assert not list((directory / "new").iterdir())


def test_a_directory_that_cannot_be_made_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = PageCache(tmp_path / "file" / "cache")
    for number in range(3):
        cache.keep(KEYS, "blob", number, "picture", PAGE)
        assert cache.page(KEYS, "blob", number) == PAGE
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "cannot be written" in caplog.text


def test_a_directory_of_another_user_is_not_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "cache"
    PageCache(directory).keep(KEYS, "blob", 1, "picture", PAGE)
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    os.chown(directory, 4711, -1)
    cache = PageCache(directory)
    assert cache.page(KEYS, "blob", 1) is None
    assert cache.page(KEYS, "blob", 2) is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "belongs to user 4711" in caplog.text


def test_a_file_of_another_user_is_not_believed(tmp_path: Path) -> None:
    directory = tmp_path / "cache"
    PageCache(directory).keep(KEYS, "blob", 1, "picture", PAGE)
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    (file,) = directory.rglob("page-*")
    os.chown(file, 4711, -1)
    assert PageCache(directory).page(KEYS, "blob", 1) is None
    PageCache(directory).keep(KEYS, "blob", 1, "picture", PAGE)
    assert PageCache(directory).page(KEYS, "blob", 1) == PAGE
