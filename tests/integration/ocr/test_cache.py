"""The page cache over a real directory: what is found, what is not, and where files may be."""

import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from supervisor.errors import SurroundingsError
from supervisor.ocr.cache import cache as module
from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.cache.entries import CachedPage, encode
from supervisor.ocr.cache.keys import JobKeys
from supervisor.ocr.cache.upkeep import prune
from support.clocks import HandClock

KEYS = JobKeys(settings="s", language_data="l", versions="v", preparation="p", reading="r")
OTHER_READING = JobKeys(settings="s", language_data="l", versions="v", preparation="p", reading="r2")
OTHER_PREPARATION = JobKeys(settings="s", language_data="l", versions="v", preparation="p2", reading="r")
BLOB, PICTURE = "a" * 40, "b" * 64
PAGE = CachedPage("ocr", "The archive\n", "<div>…</div>", 91.5, 70.0, 0.125, 2, KEYS.page(PICTURE))
LAYER = CachedPage("text_layer", "typed", "<div>typed</div>", word_count=1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache"


@pytest.fixture
def kept(directory: Path) -> Path:
    """The directory of a cache that knows one page."""
    PageCache(directory).keep(KEYS, BLOB, 1, PICTURE, PAGE)
    return directory


def entry(directory: Path, kind: str) -> Path:
    (file,) = (directory / "entries").rglob(f"{kind}-*")
    return file


def test_what_was_kept_is_found_here_and_elsewhere(directory: Path) -> None:
    cache = PageCache(directory)
    assert cache.page_count(KEYS, BLOB) is None
    assert cache.page(KEYS, BLOB, 1) is None
    assert not directory.exists()
    cache.keep_page_count(KEYS, BLOB, 3)
    cache.keep(KEYS, BLOB, 1, PICTURE, PAGE)
    cache.keep(KEYS, BLOB, 2, None, LAYER)
    for one in (cache, PageCache(directory)):
        assert one.page_count(KEYS, BLOB) == 3
        assert [one.page(KEYS, BLOB, number) for number in (1, 2, 3)] == [PAGE, LAYER, None]
        assert one.pictured(KEYS.page(PICTURE)) == PAGE


def test_a_picture_is_known_from_whichever_document(kept: Path) -> None:
    cache = PageCache(kept)
    assert cache.page(KEYS, "c" * 40, 1) is None
    assert cache.pictured(KEYS.page(PICTURE)) == PAGE
    cache.keep(KEYS, "c" * 40, 1, PICTURE, PAGE)
    assert PageCache(kept).page(KEYS, "c" * 40, 1) == PAGE


def test_other_settings_find_what_the_page_looks_like_and_not_what_stands_in_it(kept: Path) -> None:
    assert PageCache(kept).page(OTHER_READING, BLOB, 1) is None
    assert PageCache(kept).page(OTHER_PREPARATION, BLOB, 1) is None
    other = CachedPage("ocr", "Another", "", page_key=OTHER_READING.page(PICTURE))
    PageCache(kept).keep(OTHER_READING, BLOB, 1, PICTURE, other)
    assert PageCache(kept).page(OTHER_READING, BLOB, 1) == other
    assert PageCache(kept).page(KEYS, BLOB, 1) == PAGE


def test_a_text_layer_does_not_depend_on_how_pictures_are_read(directory: Path) -> None:
    PageCache(directory).keep(KEYS, BLOB, 1, None, LAYER)
    assert PageCache(directory).page(OTHER_READING, BLOB, 1) == LAYER
    assert PageCache(directory).page(OTHER_PREPARATION, BLOB, 1) is None


def enlarge(file: Path, _away: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(2**32)


# Each puts something at the place of an entry, which was moved away.
DAMAGES: dict[str, Callable[[Path, Path], object]] = {
    "cut": lambda file, away: file.write_bytes(away.read_bytes()[:-1]),
    "empty": lambda file, _: file.touch(),
    "other": lambda file, _: file.write_bytes(b"a note of somebody else's"),
    "older": lambda file, away: file.write_bytes(away.read_bytes().replace(b"cache 1", b"cache 0", 1)),
    "renamed": lambda file, _: file.write_bytes(encode("page-2", PAGE)),
    "link": lambda file, away: file.symlink_to(away),
    "folder": lambda file, _: file.mkdir(),
    "pipe": lambda file, _: os.mkfifo(file),
    "enormous": enlarge,
}


@pytest.mark.parametrize("kind", ["lookup", "page"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_is_no_entry_is_a_miss_and_makes_place_for_one(kept: Path, kind: str, damage: str) -> None:
    file, away = entry(kept, kind), kept / "away"
    whole = file.read_bytes()
    file.rename(away)
    DAMAGES[damage](file, away)
    assert PageCache(kept).page(KEYS, BLOB, 1) is None
    PageCache(kept).keep(KEYS, BLOB, 1, PICTURE, PAGE)
    assert away.read_bytes() == whole
    if damage != "folder":  # which might have anything in it
        assert PageCache(kept).page(KEYS, BLOB, 1) == PAGE
        assert file.read_bytes() == whole
        assert not file.is_symlink()


def test_no_link_in_the_directory_leads_out_of_it(kept: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (kept / "entries").rename(outside)
    (kept / "entries").symlink_to(outside)
    before = sorted(outside.rglob("*"))
    assert PageCache(kept).page(KEYS, BLOB, 1) is None
    PageCache(kept).keep(KEYS, "c" * 40, 1, "d" * 64, PAGE)
    with pytest.raises(OSError, match="entries"):
        prune(kept, 0)
    assert sorted(outside.rglob("*")) == before


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "large-disk").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "large-disk")
    PageCache(tmp_path / "cache").keep(KEYS, BLOB, 1, PICTURE, PAGE)
    assert PageCache(tmp_path / "cache").page(KEYS, BLOB, 1) == PAGE


def test_everything_is_the_users_own(directory: Path) -> None:
    before = os.umask(0)
    try:
        PageCache(directory).keep(KEYS, BLOB, 1, PICTURE, PAGE)
    finally:
        os.umask(before)
    folders = [path for path in directory.rglob("*") if path.is_dir()]
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (directory, *folders)} == {0o700}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert (directory / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55")


def test_a_use_is_noted_once_an_hour(kept: Path) -> None:
    lookup, page = entry(kept, "lookup"), entry(kept, "page")
    half_an_hour_ago, long_ago = time.time() - 1800, time.time() - 7200
    os.utime(lookup, (half_an_hour_ago,) * 2)
    os.utime(page, (long_ago,) * 2)
    assert PageCache(kept).page(KEYS, BLOB, 1) == PAGE
    assert lookup.stat().st_mtime == pytest.approx(half_an_hour_ago, abs=1)
    assert page.stat().st_mtime == pytest.approx(time.time(), abs=60)


def test_a_page_that_is_wanted_again_is_not_read_again(kept: Path) -> None:
    cache = PageCache(kept)
    assert cache.page(KEYS, BLOB, 1) == PAGE
    entry(kept, "page").unlink()
    entry(kept, "lookup").unlink()
    assert cache.page(KEYS, BLOB, 1) == PAGE
    assert PageCache(kept).page(KEYS, BLOB, 1) is None


def test_a_directory_that_vanishes_is_made_again(kept: Path) -> None:
    cache = PageCache(kept)
    kept.rename(kept.with_name("swept"))
    cache.keep(KEYS, BLOB, 2, PICTURE, PAGE)
    assert PageCache(kept).page(KEYS, BLOB, 2) == PAGE


class Database:
    """Shared entries in memory, which can be away."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.asked: list[Sequence[str]] = []
        self.told = 0
        self.is_away = False

    def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        self.asked.append(keys)
        self._check()
        return {key: self.entries[key] for key in keys if key in self.entries}

    def put(self, entries: Mapping[str, bytes]) -> None:
        self.told += 1
        self._check()
        self.entries.update(entries)

    def _check(self) -> None:
        if self.is_away:
            raise SurroundingsError("connection refused")


@pytest.fixture
def database() -> Database:
    return Database()


def fill(database: Database, directory: Path, documents: int, pages: int = 2) -> None:
    cache = PageCache(directory, database)
    for number in range(documents):
        cache.keep_page_count(KEYS, f"{number}", pages)
        for page_number in range(1, pages + 1):
            cache.keep(KEYS, f"{number}", page_number, f"{number} {page_number}", PAGE)
    cache.flush()


def test_machines_share_what_they_have_recognised(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path / "one", 1)
    other = PageCache(tmp_path / "two", database)
    assert (other.page_count(KEYS, "0"), other.page(KEYS, "0", 2), other.page(KEYS, "0", 3)) == (2, PAGE, None)
    # What was found is on this machine now.
    assert PageCache(tmp_path / "two").page(KEYS, "0", 2) == PAGE
    asked = len(database.asked)
    assert PageCache(tmp_path / "two", database).page(KEYS, "0", 2) == PAGE
    assert len(database.asked) == asked


def test_many_documents_are_asked_for_at_once(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path / "one", 50)
    database.asked.clear()
    other = PageCache(tmp_path / "two", database)
    other.prefetch((KEYS, f"{number}") for number in range(60))
    assert [len(keys) for keys in database.asked] == [60, 100, 100]
    database.is_away = True
    assert [other.page(KEYS, f"{number}", 2) for number in range(50)] == [PAGE] * 50
    PageCache(tmp_path / "three").prefetch([(KEYS, "0")])


def test_few_are_asked_for_at_once_where_there_are_very_many(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ASKED_AT_ONCE", 4)
    fill(database, tmp_path / "one", 5)
    database.asked.clear()
    other = PageCache(tmp_path / "two", database)
    other.prefetch((KEYS, f"{number}") for number in range(5))
    assert [len(keys) for keys in database.asked] == [4, 1, 4, 4, 2, 4, 4, 2]
    database.is_away = True
    assert [other.page(KEYS, f"{number}", 2) for number in range(5)] == [PAGE] * 5


def test_entries_are_shared_by_and_by(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PENDING_ENTRIES", 4)
    cache = PageCache(tmp_path / "one", database)
    cache.keep(KEYS, "0", 1, "0", PAGE)
    assert not database.entries
    cache.keep(KEYS, "1", 1, "1", PAGE)
    assert len(database.entries) == 4
    cache.keep(KEYS, "2", 1, "2", PAGE)
    cache.flush()
    assert len(database.entries) == 6


def test_a_database_that_is_away_costs_a_warning(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(database, tmp_path / "one", 2)
    database.is_away = True
    cache = PageCache(tmp_path / "two", database)
    assert cache.page(KEYS, "0", 1) is None
    asked, told = len(database.asked), database.told
    assert cache.page(KEYS, "1", 1) is None
    cache.keep(KEYS, "3", 1, "3", PAGE)
    cache.flush()
    assert (len(database.asked), database.told) == (asked, told)
    assert cache.page(KEYS, "3", 1) == PAGE
    assert [record.getMessage() for record in caplog.records] == [
        "pages are not shared with other machines for the moment: connection refused"
    ]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> HandClock:
    """The time that an outage goes by."""
    clock = HandClock()
    monkeypatch.setattr(module, "Outage", partial(module.Outage, monotonic=clock.monotonic))
    return clock


def test_what_could_not_be_shared_is_shared_when_the_database_is_back(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    monkeypatch.setattr(module, "_PENDING_ENTRIES", 2)
    cache = PageCache(tmp_path / "one", database)
    database.is_away = True
    for number in range(5):
        cache.keep(KEYS, f"{number}", 1, f"{number}", PAGE)
    assert (database.told, database.entries) == (1, {})
    database.is_away = False
    cache.flush()
    assert database.entries == {}, "it was away just now"
    clock.seconds = 60
    cache.keep(KEYS, "5", 1, "5", PAGE)
    assert (database.told, len(database.entries)) == (7, 12)
    cache.flush()
    assert database.told == 7


def test_before_the_end_it_is_tried_once_more(database: Database, tmp_path: Path) -> None:
    cache = PageCache(tmp_path / "one", database)
    database.is_away = True
    cache.keep(KEYS, "0", 1, "0", PAGE)
    cache.flush()
    database.is_away = False
    cache.flush()
    assert database.entries == {}
    cache.flush(is_last=True)
    assert len(database.entries) == 2


def test_what_waits_to_be_shared_does_not_fill_the_memory(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: HandClock
) -> None:
    monkeypatch.setattr(module, "_PENDING_ENTRIES", 1)
    monkeypatch.setattr(module, "_MOST_PENDING_BYTES", 2000)
    cache = PageCache(tmp_path / "one", database)
    for _ in range(2):  # what has been shared makes room
        database.is_away = True
        for number in range(50):
            cache.keep(KEYS, f"{clock.seconds} {number}", 1, f"{clock.seconds} {number}", PAGE)
        database.is_away = False
        database.entries.clear()
        clock.seconds += 60
        cache.flush()
        assert 1500 < sum(map(len, database.entries.values())) <= 2000


def test_a_damaged_entry_that_is_shared_is_a_miss_and_is_replaced(database: Database, tmp_path: Path) -> None:
    fill(database, tmp_path / "one", 1)
    whole = dict(database.entries)
    for key in database.entries:
        database.entries[key] = database.entries[key][:-1]
    other = PageCache(tmp_path / "two", database)
    assert other.page(KEYS, "0", 1) is None
    assert not (tmp_path / "two").exists()
    fill(database, tmp_path / "two", 1)
    assert database.entries == whole


class Life(RuleBasedStateMachine):
    """Whatever befalls the directory, a page is what was kept for it last, or nothing."""

    pages: Bundle[tuple[str, int]] = Bundle("pages")

    @initialize()
    def begin(self) -> None:
        self.directory = Path(os.environ["CACHE_OF_THE_TEST"]) / f"{time.monotonic_ns()}"
        self.cache = PageCache(self.directory)
        self.kept: dict[tuple[str, int, str], CachedPage] = {}

    @rule(
        target=pages,
        content=st.sampled_from("abc"),
        number=st.integers(1, 2),
        picture=st.none() | st.sampled_from("xy"),
        keys=st.sampled_from([KEYS, OTHER_READING]),
        text=st.text(max_size=5),
    )
    def keep(self, content: str, number: int, picture: str | None, keys: JobKeys, text: str) -> tuple[str, int]:
        # A picture is what it is, however often it is read; a text layer is a document's own.
        text = text if picture is None else f"{picture} {keys.reading}"
        page = CachedPage("text_layer" if picture is None else "ocr", text, "")
        self.cache.keep(keys, content, number, picture, page)
        self.kept[content, number, keys.reading] = page
        return content, number

    @rule(page=pages, keys=st.sampled_from([KEYS, OTHER_READING]))
    def look(self, page: tuple[str, int], keys: JobKeys) -> None:
        found = self.cache.page(keys, *page)
        if found is not None and found.source == "ocr":
            assert found.text.endswith(keys.reading)
        else:
            assert found in [None, *(self.kept.get((*page, reading)) for reading in ("r", "r2"))]

    @rule(chance=st.randoms(use_true_random=False))
    def damage(self, chance: Any) -> None:
        files = sorted(self.directory.rglob("*-*"))
        if files:
            content = bytearray(chance.choice(files).read_bytes())
            content[chance.randrange(len(content))] ^= 1
            chance.choice(files).write_bytes(content)

    @rule(limit_bytes=st.integers(0, 40_000))
    def make_room(self, limit_bytes: int) -> None:
        prune(self.directory, limit_bytes)

    @rule()
    def start_anew(self) -> None:
        self.cache = PageCache(self.directory)


def test_whatever_befalls_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_OF_THE_TEST", str(tmp_path))
    run_state_machine_as_test(Life, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))
