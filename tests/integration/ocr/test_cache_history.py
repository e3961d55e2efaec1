"""Why a page has to be recognised, as the cache directory remembers it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.ocr.cache.history import History
from supervisor.ocr.cache.keys import JobKeys

KEYS = JobKeys(settings="s", language_data="l", versions="v", preparation="p", reading="r")
BLOB, OTHER_BLOB = "a" * 40, "b" * 40


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Of a cache that remembers a run of one document."""
    history = load(tmp_path / "cache")
    history.record("scans/a.png", BLOB, KEYS)
    history.save(is_whole=True)
    return tmp_path / "cache"


def load(directory: Path, repository: str = "archive", run_id: str = "letters") -> History:
    return History.load(directory, repository, run_id)


def test_what_is_known_of_nothing_is_new(tmp_path: Path) -> None:
    assert load(tmp_path / "cache").why("scans/a.png", BLOB, KEYS) == "new"
    assert not (tmp_path / "cache").exists()


def test_what_is_other_than_last_time_is_why(directory: Path) -> None:
    history = load(directory)
    assert history.why("scans/b.png", BLOB, KEYS) == "new"
    assert history.why("scans/a.png", OTHER_BLOB, KEYS) == "changed"
    assert history.why("scans/a.png", BLOB, replace(KEYS, settings="s2")) == "other settings"
    assert history.why("scans/a.png", BLOB, replace(KEYS, language_data="l2")) == "other language data"
    assert history.why("scans/a.png", BLOB, replace(KEYS, versions="v2")) == "another version"
    assert history.why("scans/a.png", BLOB, KEYS) == "no longer in the cache"


def test_the_nearest_reason_is_told_where_there_are_several(directory: Path) -> None:
    other = replace(KEYS, settings="s2", language_data="l2", versions="v2")
    assert load(directory).why("scans/a.png", OTHER_BLOB, other) == "changed"
    assert load(directory).why("scans/a.png", BLOB, other) == "other settings"
    assert load(directory).why("scans/a.png", BLOB, replace(other, settings="s")) == "other language data"


def test_what_failed_is_tried_again_for_that_reason(directory: Path) -> None:
    history = load(directory)
    history.record("scans/a.png", BLOB, KEYS, has_failed=True)
    history.save(is_whole=True)
    assert load(directory).why("scans/a.png", BLOB, KEYS) == "failed before"


def test_reasons_are_told_against_the_attempt_before_this_one(directory: Path) -> None:
    history = load(directory)
    history.record("scans/a.png", OTHER_BLOB, KEYS)
    assert history.why("scans/a.png", OTHER_BLOB, KEYS) == "changed"


def test_runs_and_repositories_remember_apart(directory: Path) -> None:
    assert load(directory, repository="other").why("scans/a.png", BLOB, KEYS) == "new"
    assert load(directory, run_id="books").why("scans/a.png", BLOB, KEYS) == "new"


def test_an_attempt_cut_short_forgets_nothing_and_a_whole_one_what_is_gone(directory: Path) -> None:
    history = load(directory)
    history.record("scans/b.png", BLOB, replace(KEYS, settings="s2"))
    history.save(is_whole=False)
    assert load(directory).why("scans/a.png", OTHER_BLOB, KEYS) == "changed"
    assert load(directory).why("scans/b.png", BLOB, KEYS) == "other settings"
    history = load(directory)
    history.record("scans/b.png", BLOB, KEYS)
    history.save(is_whole=True)
    assert load(directory).why("scans/a.png", OTHER_BLOB, KEYS) == "new"
    assert load(directory).why("scans/b.png", BLOB, KEYS) == "no longer in the cache"


def test_paths_of_any_kind_are_remembered(directory: Path) -> None:
    history = load(directory)
    for path in ("scans/ä \n.png", b"scans/\xff.png".decode(errors="surrogateescape")):
        history.record(path, BLOB, KEYS)
        history.save(is_whole=False)
        assert load(directory).why(path, BLOB, KEYS) == "no longer in the cache"


def content_of(jobs: object, documents: object, form: int = 1) -> bytes:
    return json.dumps({"format": form, "jobs": jobs, "documents": documents}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        content_of([], {"scans/a.png": [BLOB, 0, False]}),
        content_of([["s"]], {}),
        content_of([["s", "l", "v"]], []),
        content_of([["s", "l", "v"]], {"scans/a.png": [BLOB, "0", False]}),
        content_of([["s", "l", "v"]], {"scans/a.png": [BLOB]}),
        content_of([["s", "l", "v"]], {"scans/a.png": [OTHER_BLOB, 0, False]}, form=2),
    ],
)
def test_a_damaged_history_is_none_and_is_replaced(directory: Path, content: bytes) -> None:
    (file,) = (directory / "histories").iterdir()
    file.write_bytes(content)
    history = load(directory)
    assert history.why("scans/a.png", BLOB, KEYS) == "new"
    history.record("scans/a.png", BLOB, KEYS)
    history.save(is_whole=True)
    assert load(directory).why("scans/a.png", OTHER_BLOB, KEYS) == "changed"


def test_a_link_in_its_place_is_not_followed(directory: Path, tmp_path: Path) -> None:
    (file,) = (directory / "histories").iterdir()
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert load(directory).why("scans/a.png", BLOB, KEYS) == "new"
    load(directory).save(is_whole=True)
    assert not file.is_symlink()
    assert "scans/a.png" in (tmp_path / "elsewhere").read_text()


def test_a_history_that_cannot_be_written_costs_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    history = load(tmp_path / "file" / "cache")
    history.record("scans/a.png", BLOB, KEYS)
    history.save(is_whole=True)
    assert len(caplog.records) == 1
    assert "cannot be noted in the page cache" in caplog.text


def test_many_documents_take_little_room(tmp_path: Path) -> None:
    history = load(tmp_path / "cache")
    for number in range(40_000):
        history.record(f"scans/box-{number // 100:04}/page-{number:06}.png", f"{number:040x}", KEYS)
    history.save(is_whole=True)
    (file,) = (tmp_path / "cache" / "histories").iterdir()
    assert file.stat().st_size < 5_000_000
    assert load(tmp_path / "cache").why("scans/box-0399/page-039999.png", f"{39_999:040x}", KEYS) != "new"
