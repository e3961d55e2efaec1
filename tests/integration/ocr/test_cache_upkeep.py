"""Keeping a cache directory bounded, on real files."""

import os
import time
from pathlib import Path

import pytest

from supervisor.ocr.cache import upkeep
from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.cache.entries import CachedPage
from supervisor.ocr.cache.history import History
from supervisor.ocr.cache.keys import JobKeys
from supervisor.ocr.cache.upkeep import Pruned, keep_bounded, prune, survey

KEYS = JobKeys(settings="s", language_data="l", versions="v", preparation="p", reading="r")
BLOCK = 4096
PAGES = 20


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Of a cache of twenty pages, each in two entries of a block, the first used longest ago."""
    cache = PageCache(tmp_path / "cache")
    for number in range(PAGES):
        cache.keep(KEYS, f"{number}", 1, f"{number}", CachedPage("ocr", f"{number}", ""))
        for key in (KEYS.lookup(f"{number}", 1), KEYS.page(f"{number}")):
            set_age(tmp_path / "cache" / "entries" / key[-2:] / key, hours=1 + PAGES - number)
    return tmp_path / "cache"


def set_age(file: Path, hours: float) -> None:
    os.utime(file, (time.time() - hours * 3600,) * 2)


def known(directory: Path) -> list[int]:
    cache = PageCache(directory)
    return [number for number in range(PAGES) if cache.page(KEYS, f"{number}", 1)]


def note_history(directory: Path, repository: str = "archive", documents: int = 1) -> Path:
    history = History.load(directory, repository, "letters")
    for number in range(documents):
        history.record(f"scans/{number}.png", "a" * 40, KEYS)
    history.save(is_whole=True)
    return max((directory / "histories").iterdir(), key=lambda file: file.stat().st_mtime_ns)


def test_a_survey_counts_without_changing_anything(directory: Path) -> None:
    note_history(directory)
    before = {file: file.stat() for file in directory.rglob("*")}
    found = survey(directory)
    assert (found.pages, found.entries, found.histories) == (PAGES, 2 * PAGES, 1)
    assert found.size_bytes == (2 * PAGES + 1) * BLOCK
    assert found.oldest_use == pytest.approx(time.time() - (PAGES + 1) * 3600, abs=60)
    assert {file: file.stat() for file in directory.rglob("*")} == before


def test_nothing_is_in_a_cache_that_is_not_there(tmp_path: Path) -> None:
    assert survey(tmp_path / "cache") == upkeep.Survey(0, 0, 0, 0, None)
    assert prune(tmp_path / "cache", 0) == Pruned(0, 0, 0, 0)
    assert keep_bounded(tmp_path / "cache", 0) is None
    assert not (tmp_path / "cache").exists()


def test_what_was_used_longest_ago_goes_first(directory: Path) -> None:
    # Nine tenths of 20 blocks are 9 pages.
    assert prune(directory, 20 * BLOCK) == Pruned(22, 22 * BLOCK, 18, 18 * BLOCK)
    assert known(directory) == list(range(11, 20))


def test_as_much_is_left_as_was_asked_for(directory: Path) -> None:
    assert prune(directory, 20 * BLOCK, leave_bytes=20 * BLOCK).kept_bytes == 20 * BLOCK
    assert known(directory) == list(range(10, 20))


def test_a_page_that_was_used_stays(directory: Path) -> None:
    assert PageCache(directory).page(KEYS, "0", 1)
    prune(directory, 4 * BLOCK)
    assert known(directory) == [0]


def test_nothing_goes_while_there_is_room(directory: Path) -> None:
    assert prune(directory, 2 * PAGES * BLOCK).removed == 0
    assert prune(directory, 2 * PAGES * BLOCK - 1).removed > 0


def test_histories_go_after_all_entries(directory: Path) -> None:
    set_age(note_history(directory), hours=100)
    assert prune(directory, BLOCK, leave_bytes=BLOCK) == Pruned(2 * PAGES, 2 * PAGES * BLOCK, 1, BLOCK)
    assert survey(directory).histories == 1
    assert prune(directory, 0).removed == 1
    assert not [file for file in directory.rglob("*") if file.is_file() and file.name != "CACHEDIR.TAG"]


def test_the_history_of_a_run_long_gone_goes_in_any_case(directory: Path) -> None:
    gone = note_history(directory, "gone")
    set_age(gone, 181 * 24)
    lately = note_history(directory, "lately")
    set_age(lately, 179 * 24)
    assert prune(directory, 10**9).removed == 1
    assert (gone.exists(), lately.exists()) == (False, True)


def test_what_is_not_ours_is_left_alone(directory: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("precious")
    (directory / "entries" / "00").mkdir(exist_ok=True)
    (directory / "entries" / "00" / "link").symlink_to(other)
    (directory / "entries" / "00" / "folder").mkdir()
    (directory / "notes.txt").write_text("precious")
    assert prune(directory, 0).removed == 2 * PAGES
    assert other.read_text() == (directory / "notes.txt").read_text() == "precious"
    assert (directory / "entries" / "00" / "folder").is_dir()


def test_a_sample_tells_whether_there_is_something_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "cache"
    cache = PageCache(directory)
    for number in range(1500):
        cache.keep_page_count(KEYS, f"{number}", 1)
    looked_at = []
    look = upkeep._files_in
    monkeypatch.setattr(upkeep, "_files_in", lambda *arguments: looked_at.append(arguments) or look(*arguments))
    assert keep_bounded(directory, 3000 * BLOCK) is None
    assert len(looked_at) == 16
    done = keep_bounded(directory, 750 * BLOCK)
    assert done
    assert done.kept == 675
