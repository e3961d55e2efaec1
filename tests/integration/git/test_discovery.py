import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.errors import SurroundingsError, UsageError
from supervisor.git.errors import GitError, NoCommitError, NotARepositoryError, UntrustedRepositoryError
from supervisor.git.repository import Repository

RunGit = Callable[..., bytes]


def test_from_a_subdirectory(top: Path) -> None:
    repository = Repository.discover(top / "scans" / "deep")
    assert repository.main_work_tree == repository.work_tree == top
    assert repository.common_dir == top / ".git"
    assert repository.lfs_objects_dir == top / ".git" / "lfs" / "objects"
    assert not repository.is_bare
    assert not repository.is_shallow
    assert pickle.loads(pickle.dumps(repository)) == repository  # noqa: S301 (our own)


def test_from_a_relative_path(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top / "scans")
    assert Repository.discover(Path()).work_tree == top


def test_from_a_linked_worktree(top: Path, tmp_path: Path, git: RunGit, commit: Callable[..., str]) -> None:
    linked = tmp_path / "linked tree"
    git(top, "worktree", "add", "--quiet", "-b", "side", str(linked))
    on_side = commit(linked, {b"side.tiff": b"s"})
    repository = Repository.discover(linked / "scans")
    assert repository.main_work_tree == top
    assert repository.work_tree == linked
    assert repository.common_dir == top / ".git"
    assert repository.resolve("HEAD") == on_side
    assert Repository.discover(top).resolve("HEAD") != on_side


def test_from_inside_the_git_directory(top: Path) -> None:
    repository = Repository.discover(top / ".git" / "refs")
    assert repository.main_work_tree == top
    assert repository.work_tree is None
    assert not repository.is_bare


@pytest.mark.parametrize("name", ["archive.git", ".git"])
def test_bare_and_a_worktree_of_it(top: Path, tmp_path: Path, git: RunGit, name: str) -> None:
    bare = tmp_path / "store" / name
    git(tmp_path, "clone", "--quiet", "--bare", str(top), str(bare))
    repository = Repository.discover(bare)
    assert repository.is_bare
    assert repository.main_work_tree is None
    assert repository.work_tree is None
    assert repository.common_dir == bare
    linked = tmp_path / "linked"
    git(bare, "worktree", "add", "--quiet", str(linked))
    from_linked = Repository.discover(linked)
    assert from_linked.is_bare
    assert from_linked.main_work_tree is None
    assert from_linked.work_tree == linked


def test_shallow_clone_with_detached_head(top: Path, tmp_path: Path, git: RunGit, commit: Callable[..., str]) -> None:
    head = commit(top, {b"scans/late.tiff": b"l"})
    clone = tmp_path / "ci"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{top}", str(clone))
    git(clone, "checkout", "--quiet", "--detach")
    repository = Repository.discover(clone)
    assert repository.is_shallow
    assert repository.resolve("HEAD") == head
    assert repository.identity(head) is None
    with pytest.raises(UsageError) as caught:
        repository.resolve("v1.0")
    assert "shallow" in caught.value.message
    assert "git fetch --unshallow" in str(caught.value.hint)


def test_git_directory_kept_elsewhere(top: Path, tmp_path: Path, git: RunGit) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", f"--separate-git-dir={tmp_path / 'kept'}", str(top), str(clone))
    repository = Repository.discover(clone)
    assert repository.main_work_tree == clone
    assert repository.common_dir == tmp_path / "kept"


def test_submodule_is_a_repository_of_its_own(top: Path, tmp_path: Path, git: RunGit) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(top), "inner")
    git(outer, "commit", "--quiet", "-m", "inner")
    repository = Repository.discover(outer / "inner")
    assert repository.main_work_tree == outer / "inner"
    linked = tmp_path / "linked"
    git(outer / "inner", "worktree", "add", "--quiet", str(linked))
    assert Repository.discover(linked).main_work_tree == outer / "inner"


@pytest.mark.parametrize("name", ["new\nline", "ends in newline\n", "ü \udcff"])
def test_odd_path(top: Path, tmp_path: Path, git: RunGit, name: str) -> None:
    clone = tmp_path / name
    git(tmp_path, "clone", "--quiet", str(top), str(clone))
    repository = Repository.discover(clone)
    assert repository.work_tree == clone
    assert repository.common_dir == clone / ".git"


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError) as caught:
        Repository.discover(tmp_path)
    assert caught.value.exit_code == 2
    assert "git init" in str(caught.value.hint)


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError, match="is not a directory"):
        Repository.discover(tmp_path / "gone\udcff")


def test_no_commit(tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    with pytest.raises(NoCommitError) as caught:
        Repository.discover(tmp_path / "empty")
    assert caught.value.exit_code == 2
    assert "git commit" in str(caught.value.hint)


def test_head_names_no_branch_and_others_exist(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(top), "bare.git")
    git(tmp_path / "bare.git", "symbolic-ref", "HEAD", "refs/heads/master")
    repository = Repository.discover(tmp_path / "bare.git")
    assert repository.resolve("main") == git(top, "rev-parse", "main").decode().strip()


def test_damaged_repository_is_no_wrong_usage(top: Path) -> None:
    (top / ".git" / "config").write_text("[core\n")
    with pytest.raises(GitError, match="bad config line"):
        Repository.discover(top)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a directory that belongs to somebody else")
def test_repository_of_another_user(top: Path, git: RunGit, home: Path) -> None:
    os.chown(top, 12345, 12345)
    os.chown(top / ".git", 12345, 12345)
    with pytest.raises(UntrustedRepositoryError, match="dubious ownership") as caught:
        Repository.discover(top / "scans")
    assert isinstance(caught.value, SurroundingsError)
    assert str(caught.value.hint).endswith(f"git config --global --add safe.directory {top}")
    git(home, "config", "--global", "--add", "safe.directory", str(top))
    assert Repository.discover(top / "scans").work_tree == top


def test_bare_repository_that_the_user_wants_named(top: Path, tmp_path: Path, git: RunGit, home: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(top), "bare.git")
    git(home, "config", "--global", "safe.bareRepository", "explicit")
    with pytest.raises(UntrustedRepositoryError, match=r"safe\.bareRepository"):
        Repository.discover(tmp_path / "bare.git")
    assert Repository.discover(top).work_tree == top
