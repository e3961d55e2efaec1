import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.errors import UsageError
from supervisor.git.repository import Repository

RunGit = Callable[..., bytes]


def names(repository: Repository, *patterns: str, exclude: tuple[str, ...] = ()) -> list[bytes]:
    return [file.path for file in repository.files(repository.resolve("HEAD"), patterns, exclude)]


def test_patterns_mean_what_people_expect(repository: Repository) -> None:
    assert names(repository, "scans/*.tiff") == [b"scans/B.TIFF", b"scans/a.tiff"]
    assert names(repository, "scans/**/*.tiff") == [b"scans/B.TIFF", b"scans/a.tiff", b"scans/deep/c.tiff"]
    assert names(repository, "scans") == [b"scans/B.TIFF", b"scans/a.tiff", b"scans/deep/c.tiff"]
    assert names(repository, "**/*.tiff", "letters/*", exclude=("**/b.*", "scans/deep/**")) == [
        b"letters/d.pdf",
        b"scans/a.tiff",
    ]
    assert names(repository, "nothing/*") == []
    assert names(repository) == names(repository, exclude=("scans",)) == []


def test_from_a_subdirectory_patterns_are_relative_to_the_top(top: Path) -> None:
    repository = Repository.discover(top / "scans")
    assert names(repository, "scans/a.tiff") == [b"scans/a.tiff"]


def test_odd_names(top: Path, repository: Repository, commit: Callable[..., str], odd_names: tuple[bytes, ...]) -> None:
    commit(top, dict.fromkeys(odd_names, b"x"))
    assert set(names(repository, "**/*.png")) == set(odd_names)
    assert names(repository, "scans/star\\*.png") == [b"scans/star*.png"]
    assert names(repository, "-dash.png") == [b"-dash.png"]
    for name in odd_names:
        assert repository.read(repository.resolve("HEAD"), os.fsdecode(name)) == b"x"


def test_pattern_that_begins_with_a_colon_is_literal(
    top: Path, repository: Repository, commit: Callable[..., str]
) -> None:
    commit(top, {b":(exclude)x": b"1", b":!y": b"2", b":colon": b"3"})
    assert names(repository, ":(exclude)x") == [b":(exclude)x"]
    assert names(repository, ":!y", exclude=(":colon",)) == [b":!y"]
    assert repository.read(repository.resolve("HEAD"), ":(exclude)x") == b"1"


@pytest.mark.parametrize("pattern", ["", "/etc/*", "../x", "a/../../b", "a\0b"])
def test_pattern_out_of_the_repository(repository: Repository, pattern: str) -> None:
    with pytest.raises(UsageError):
        repository.files(repository.resolve("HEAD"), [pattern])
    with pytest.raises(UsageError):
        repository.uncommitted(["x"], [pattern])


def test_links_yes_submodules_no(top: Path, git: RunGit, commit: Callable[..., str]) -> None:
    (top / "scans" / "link.tiff").symlink_to("a.tiff")
    git(top, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(top), "scans/sub.tiff")
    head = commit(top, {})
    repository = Repository.discover(top)
    files = {file.path: file for file in repository.files(head, ["scans/*.tiff"])}
    assert set(files) == {b"scans/B.TIFF", b"scans/a.tiff", b"scans/link.tiff"}
    link = files[b"scans/link.tiff"]
    assert link.is_link
    assert link.mode == 0o120000
    assert repository.content(link.blob_sha) == b"a.tiff"
    assert files[b"scans/a.tiff"].mode == 0o100644
    assert repository.read(head, "scans/link.tiff") is None
    assert b"scans/sub.tiff" not in {file.path for file in repository.list_files(head, "scans")}


def test_one_entry(top: Path, git: RunGit, commit: Callable[..., str]) -> None:
    (top / "link").symlink_to("scans/a.tiff")
    git(top, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(top), "sub")
    head = commit(top, {b"x\xff*.png": b"1", b"x\xffy.png": b"2"})
    repository = Repository.discover(top / "scans")
    for path in (b"link", b"scans/a.tiff", b"x\xff*.png"):
        found = repository.entry(head, path)
        assert found is not None
        assert (found.path, found.is_link) == (path, path == b"link")
    for path in (b"", b"scans", b"scans/", b"sub", b"link/", b"scans/*.tiff", b"nowhere", b"link/x"):
        assert repository.entry(head, path) is None, path


def test_renames_are_not_detected(top: Path, git: RunGit, repository: Repository) -> None:
    git(top, "config", "diff.renames", "copies")
    assert len(names(repository, "**")) == 7


def test_job_files(repository: Repository) -> None:
    head = repository.resolve("HEAD")
    assert [file.path for file in repository.list_files(head, "ocr-jobs")] == [
        b"ocr-jobs/books/x.toml",
        b"ocr-jobs/default.toml",
    ]
    assert repository.list_files(head, "ocr-jobs/") == repository.list_files(head, "ocr-jobs")
    assert repository.list_files(head, "nowhere") == []
    assert repository.read(head, "ocr-jobs/default.toml") == b"version = 1\n"
    for missing in ("ocr-jobs", "ocr-jobs/", "nowhere.toml", "", "ocr-jobs/default.toml/x", "ocr-jobs/def*"):
        assert repository.read(head, missing) is None


def test_bare_and_sha256(tmp_path: Path, git: RunGit, commit: Callable[..., str]) -> None:
    work = tmp_path / "work"
    git(tmp_path, "init", "--quiet", "--object-format=sha256", str(work))
    head = commit(work, {b"scans/a.tiff": b"a", b"\xff.tiff": b"b"})
    assert len(head) == 64
    git(tmp_path, "clone", "--quiet", "--bare", str(work), "bare.git")
    for directory in (work, tmp_path / "bare.git"):
        repository = Repository.discover(directory)
        (file,) = repository.files(head, ["scans/*"])
        assert len(file.blob_sha) == 64
        assert repository.read(head, "scans/a.tiff") == b"a"
        assert repository.identity(head) == head
        assert repository.resolve("main") == head
    (work / "scans" / "a.tiff").write_bytes(b"other")
    repository = Repository.discover(work)
    assert repository.read(repository.snapshot(["scans/*"], []), "scans/a.tiff") == b"other"
