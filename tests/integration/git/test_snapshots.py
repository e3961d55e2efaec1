import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.git.errors import NoWorkTreeError
from supervisor.git.repository import Repository

RunGit = Callable[..., bytes]


def tree(git: RunGit, directory: Path, commit: str) -> dict[bytes, bytes]:
    entries = git(directory, "ls-tree", "-r", "-z", commit).split(b"\0")[:-1]
    return {path: facts.split(b" ")[2] for facts, path in (entry.split(b"\t", 1) for entry in entries)}


def test_holds_matching_files_and_touches_nothing(top: Path, repository: Repository, git: RunGit) -> None:
    head = repository.resolve("HEAD")
    (top / "scans" / "new.tiff").write_bytes(b"new")
    (top / "scans" / "a.tiff").write_bytes(b"changed")
    (top / "scans" / "B.TIFF").unlink()
    (top / "scans" / "tool").write_bytes(b"#!/bin/sh\n")
    (top / "scans" / "tool").chmod(0o755)
    (top / "scans" / "link.tiff").symlink_to("a.tiff")
    (top / "letters" / "unasked.pdf").write_bytes(b"no")
    (top / "README.md").write_bytes(b"no")
    (top / "ocr-jobs" / "added.toml").write_bytes(b"job")
    git(top, "add", "scans/new.tiff")
    (top / "scans" / "new.tiff").write_bytes(b"newer than staged")
    index = (top / ".git" / "index").read_bytes()
    status, refs = git(top, "status", "--porcelain"), git(top, "for-each-ref")

    taken = repository.snapshot(["scans/**"], ["ocr-jobs/**"])

    assert git(top, "rev-parse", f"{taken}^").decode().strip() == head
    before, after = tree(git, top, head), tree(git, top, taken)
    assert after.keys() - before.keys() == {
        b"scans/new.tiff",
        b"scans/tool",
        b"scans/link.tiff",
        b"ocr-jobs/added.toml",
    }
    assert before.keys() - after.keys() == {b"scans/B.TIFF"}
    assert after[b"README.md"] == before[b"README.md"]
    assert repository.read(taken, "scans/a.tiff") == b"changed"
    assert repository.read(taken, "scans/new.tiff") == b"newer than staged"
    modes = {file.path: file.mode for file in repository.list_files(taken, "scans")}
    assert modes[b"scans/tool"] == 0o100755
    assert modes[b"scans/link.tiff"] == 0o120000
    assert (top / ".git" / "index").read_bytes() == index
    assert git(top, "status", "--porcelain") == status
    assert git(top, "for-each-ref") == refs
    assert repository.snapshot(["scans/**"], ["ocr-jobs/**"]) == taken


def test_same_files_are_the_same_commit_at_any_time(
    top: Path, repository: Repository, git: RunGit, commit: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-02-03T04:05:06Z")
    commit(top, {b"scans/a.tiff": b"old"})
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    (top / "scans" / "a.tiff").write_bytes(b"new")
    taken = repository.snapshot(["scans/*"], [])
    assert git(top, "show", "-s", "--format=%at %ct", taken) == b"981173106 981173106\n"


def test_nothing_to_take_is_head(top: Path, repository: Repository) -> None:
    (top / "letters" / "unasked.pdf").write_bytes(b"no")
    assert repository.snapshot(["scans/**"], ["ocr-jobs"]) == repository.resolve("HEAD")


def test_folder_where_a_file_was_and_back(top: Path, repository: Repository) -> None:
    (top / "scans" / "a.tiff").unlink()
    (top / "scans" / "a.tiff").mkdir()
    (top / "scans" / "a.tiff" / "1.tiff").write_bytes(b"inside")
    (top / "scans" / "deep" / "c.tiff").unlink()
    (top / "scans" / "deep").rmdir()
    (top / "scans" / "deep").write_bytes(b"file")
    taken = repository.snapshot(["scans/**"], [])
    assert repository.read(taken, "scans/a.tiff/1.tiff") == b"inside"
    assert repository.read(taken, "scans/a.tiff") is None
    assert repository.read(taken, "scans/deep") == b"file"


def test_odd_names_without_a_user_name(
    top: Path, repository: Repository, git: RunGit, home: Path, odd_names: tuple[bytes, ...]
) -> None:
    (home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    for name in odd_names:
        (top / os.fsdecode(name)).write_bytes(b"x")
    taken = repository.snapshot(["**/*.png"], [])
    assert tree(git, top, taken).keys() >= set(odd_names)


def test_from_a_linked_worktree(top: Path, tmp_path: Path, git: RunGit, commit: Callable[..., str]) -> None:
    linked = tmp_path / "linked"
    git(top, "worktree", "add", "--quiet", "-b", "side", str(linked))
    side = commit(linked, {b"side": b"s"})
    (linked / "scans" / "new.tiff").write_bytes(b"n")
    repository = Repository.discover(linked)
    taken = repository.snapshot(["scans/*"], [])
    assert git(top, "rev-parse", f"{taken}^").decode().strip() == side


def test_sparse_checkout_of_the_user(top: Path, repository: Repository, git: RunGit) -> None:
    git(top, "sparse-checkout", "set", "letters")
    assert not (top / "scans").exists()
    (top / "letters" / "new.pdf").write_bytes(b"n")
    assert [change.path for change in repository.uncommitted(["**"])] == [b"letters/new.pdf"]
    taken = repository.snapshot(["**"], [])
    assert repository.read(taken, "scans/a.tiff") == b"a"


def test_bare(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(top), "bare.git")
    with pytest.raises(NoWorkTreeError):
        Repository.discover(tmp_path / "bare.git").snapshot(["**"], [])
