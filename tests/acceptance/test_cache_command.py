"""`supervisor cache`: what is there, and making room."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.cache.entries import CachedPage
from supervisor.ocr.cache.history import History
from supervisor.ocr.cache.keys import JobKeys
from supervisor.store.engine import open_engine
from supervisor.store.page_cache import SharedPages
from supervisor.store.schema import prepare_cache

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

KEYS = JobKeys(settings="s", language_data="l", versions="v", preparation="p", reading="r")
BLOCK = 4096


@pytest.fixture
def home_cache(archive: Archive) -> Path:
    """The user's own cache, of three pages and a history."""
    directory: Path = archive.home / ".cache" / "supervisor"
    fill(PageCache(directory))
    History.load(directory, "archive", "letters").save(is_whole=True)
    return directory


def fill(cache: PageCache) -> None:
    for number in range(3):
        cache.keep(KEYS, f"{number}", 1, f"{number}", CachedPage("ocr", f"{number}", ""))
    cache.flush()


def test_info_tells_what_is_there(archive: Archive, home_cache: Path) -> None:
    done = archive.supervisor("cache", "info", TZ="Asia/Kathmandu")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:4] == [
        str(home_cache),
        "  pages       3",
        "  entries     6",
        "  size        28.7 kB of 5.0 GB",
    ]
    shown = datetime.strptime(done.out.splitlines()[4], "  oldest use  %Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert timedelta(hours=5.6) < shown - datetime.now(UTC) < timedelta(hours=5.8)  # 5 h 45 min east of UTC
    document = archive.supervisor("cache", "info", "--json", SUPERVISOR_CACHE_LIMIT="1.5GB").document
    oldest_use = datetime.fromisoformat(document.pop("oldest_use"))
    assert timedelta() <= datetime.now(UTC) - oldest_use < timedelta(minutes=5)
    assert document == {
        "schema": "supervisor.cache/1",
        "directory": str(home_cache),
        "pages": 3,
        "entries": 6,
        "histories": 1,
        "size_bytes": 7 * BLOCK,
        "limit_bytes": 1_500_000_000,
        "shared": None,
        "exit_code": 0,
    }


def test_an_empty_cache_is_told_and_not_made(archive: Archive) -> None:
    done = archive.supervisor("cache", "info", "--cache-dir", str(archive.home / "none"))
    assert done.code == 0
    assert "  pages       0\n" in done.out
    assert "  oldest use  none\n" in done.out
    assert archive.supervisor("cache", "prune", "--cache-dir", str(archive.home / "none")).out == (
        f"{archive.home / 'none'}: 0 entries removed (0 B), 0 left (0 B)\n"
    )
    assert not (archive.home / "none").exists()


@pytest.mark.parametrize("source", ["typed", "environment", "file", "xdg"])
def test_the_directory_is_the_one_that_runs_use(archive: Archive, source: str) -> None:
    directory, own = archive.home / "elsewhere" / "supervisor", archive.home / ".config" / "supervisor" / "config.toml"
    fill(PageCache(directory))
    typed, environment = [], {}
    match source:
        case "typed":
            typed = ["--cache-dir", str(directory)]
        case "environment":
            environment["SUPERVISOR_CACHE_DIR"] = str(directory)
        case "file":
            own.parent.mkdir(parents=True)
            own.write_text('cache_dir = "~/elsewhere/supervisor"\n')
        case "xdg":
            environment["XDG_CACHE_HOME"] = str(directory.parent)
    document = archive.supervisor("cache", "info", "--json", *typed, **environment).document
    assert (document["directory"], document["pages"]) == (str(directory), 3)


def test_prune_leaves_as_much_as_is_asked_for(archive: Archive, home_cache: Path) -> None:
    for number, file in enumerate(sorted((home_cache / "entries").rglob("*-*"))):
        os.utime(file, (1_000_000 + number,) * 2)
    assert archive.supervisor("cache", "prune").out == f"{home_cache}: 0 entries removed (0 B), 7 left (28.7 kB)\n"
    document = archive.supervisor("cache", "prune", "--max-size=13kB", "--json").document
    assert document == {
        "schema": "supervisor.cache-prune/1",
        "directory": str(home_cache),
        "removed": 4,
        "removed_bytes": 4 * BLOCK,
        "kept": 3,
        "kept_bytes": 3 * BLOCK,
    }
    assert archive.supervisor("cache", "prune", "--all").out == (
        f"{home_cache}: 3 entries removed (12.3 kB), 0 left (0 B)\n"
    )
    assert archive.supervisor("cache", "info", "--json").document["size_bytes"] == 0


def test_mistakes_are_named(archive: Archive, home_cache: Path) -> None:
    for arguments, environment, reason in (
        (["--max-size=much"], {}, "'much' is not a size; write it like 5GB or 500MB"),
        (["--max-size=1GB", "--all"], {}, "--max-size has no meaning beside --all"),
        ([], {"SUPERVISOR_CACHE_LIMIT": "much"}, "SUPERVISOR_CACHE_LIMIT: 'much' is not a size"),
    ):
        done = archive.supervisor("cache", "prune", *arguments, **environment)
        assert done.code == 2
        assert reason in done.err
    own = archive.home / ".config" / "supervisor" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("cache_dir = 5\n")
    assert "cache_dir cannot be 5" in archive.supervisor("cache", "info").err
    own.unlink()
    (home_cache / "entries").rename(archive.home / "entries")
    (home_cache / "entries").symlink_to(archive.home / "entries")
    for command in ("info", "prune"):
        done = archive.supervisor("cache", command)
        assert done.code == 4
        assert f"the page cache {home_cache} cannot be read" in done.err
        assert "Traceback" not in done.err


def test_the_part_that_machines_share_is_told_beside_it(
    archive: Archive, home_cache: Path, postgres_url: str, new_postgres_database: Callable[[str], str]
) -> None:
    engine = open_engine(postgres_url)
    prepare_cache(engine)
    engine.dispose()
    shared = SharedPages(postgres_url)
    fill(PageCache(archive.home / "another-machine", shared))
    shared.close()
    done = archive.supervisor("cache", "info", DATABASE_URL=postgres_url)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == str(home_cache)
    assert done.out.splitlines()[5].startswith("postgresql://postgres@/")
    assert done.out.splitlines()[6:8] == ["  pages       3", "  entries     6"]
    document = archive.supervisor("cache", "info", "--json", "--database-url", postgres_url).document
    found = document["shared"]
    assert (found["pages"], found["entries"], found["limit_bytes"], found["error"]) == (3, 6, 20 * 10**9, None)
    assert 0 < found["size_bytes"] < 6 * BLOCK
    unused = archive.supervisor("cache", "info", "--json", DATABASE_URL=new_postgres_database("template1"))
    assert (unused.code, unused.document["shared"]["entries"]) == (0, 0)
    away = archive.supervisor("cache", "info", DATABASE_URL="postgresql://u:secret@127.0.0.1:9/x")
    assert away.code == 4
    assert "  pages       3\n" in away.out
    assert "postgresql://u:***@127.0.0.1:9/x\n  cannot be read: " in away.out
    assert archive.supervisor("cache", "info", "--json", DATABASE_URL="sqlite:///x.db").document["shared"] is None
