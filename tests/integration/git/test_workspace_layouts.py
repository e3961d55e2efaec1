"""Workspaces in the layouts of repository that people have."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager

RunGit = Callable[..., bytes]


def check(directory: Path, runs_dir: Path, git: RunGit) -> None:
    """Make, compare and remove a workspace, and see that the repository's own files are as before."""
    repository = Repository.discover(directory)
    kept = [repository.common_dir / name for name in ("config", "config.worktree", "info/sparse-checkout", "index")]
    before = [path.read_bytes() if path.exists() else None for path in kept]
    repository.exclude_from_status(runs_dir)
    status = git(directory, "status", "--porcelain") if repository.work_tree else b""
    manager = WorkspaceManager(repository, runs_dir)
    path = manager.create("r", repository.resolve("HEAD"), [b"scans/a.tiff"])
    assert (path / "scans" / "a.tiff").read_bytes() == b"a"
    assert [item.name for item in sorted(path.iterdir())] == [".git", "scans"]
    assert git(path, "status", "--porcelain", "--ignored") == b""
    for setting in ("config.worktree", "info/sparse-checkout"):
        assert not list(repository.common_dir.glob(f"worktrees/r/{setting}"))
    if repository.work_tree:
        assert git(directory, "status", "--porcelain") == status
    state = manager.inspect("r")
    assert state is not None
    assert state.work == ()
    (path / "scans" / "a.tiff").write_bytes(b"b")
    assert not manager.remove("r").removed
    (path / "scans" / "a.tiff").write_bytes(b"a")
    assert manager.remove("r").removed
    assert [path.read_bytes() if path.exists() else None for path in kept] == before


def test_runs_directory_inside_the_work_tree(top: Path, git: RunGit) -> None:
    check(top / "scans", top / ".autonomous_runs", git)


def test_runs_directory_behind_a_link(top: Path, tmp_path: Path, git: RunGit) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    check(top, tmp_path / "link" / "runs", git)


@pytest.mark.parametrize("name", ["new\nline", "sp ace 'quo\"te", "\udcff"])
def test_odd_runs_directory(top: Path, tmp_path: Path, git: RunGit, name: str) -> None:
    check(top, tmp_path / name, git)


def test_bare(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(top), "bare.git")
    check(tmp_path / "bare.git", tmp_path / "bare.git" / "autonomous_runs", git)


def test_linked_worktree(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(top, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    check(tmp_path / "linked", top / ".autonomous_runs", git)


def test_shallow_detached(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{top}", "ci")
    git(tmp_path / "ci", "checkout", "--quiet", "--detach")
    check(tmp_path / "ci", tmp_path / "ci" / ".autonomous_runs", git)


def test_worktree_config_extension(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(top, "config", "extensions.worktreeConfig", "true")
    git(top, "config", "--worktree", "core.abbrev", "12")
    check(top, tmp_path / "runs", git)


@pytest.mark.parametrize("cone", ["--cone", "--no-cone"])
def test_sparse_checkout_of_its_own(top: Path, tmp_path: Path, git: RunGit, cone: str) -> None:
    git(top, "sparse-checkout", "init", cone)
    git(top, "sparse-checkout", "set", "letters")
    check(top, tmp_path / "runs", git)


def test_sparse_checkout_in_the_shared_settings(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(top, "config", "core.sparseCheckout", "true")
    git(top, "config", "index.sparse", "true")
    check(top, tmp_path / "runs", git)


def test_submodules(top: Path, tmp_path: Path, git: RunGit) -> None:
    shutil.copytree(top, tmp_path / "inner")
    git(top, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "inner"), "inner")
    git(top, "commit", "--quiet", "-m", "inner")
    check(top, tmp_path / "runs", git)
    check(top / "inner", tmp_path / "runs of inner", git)


def test_git_directory_elsewhere(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "clone", "--quiet", f"--separate-git-dir={tmp_path / 'kept'}", str(top), "clone")
    check(tmp_path / "clone", tmp_path / "clone" / ".autonomous_runs", git)


def test_sha256(tmp_path: Path, git: RunGit, commit: Callable[..., str]) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256", "work")
    commit(tmp_path / "work", {b"scans/a.tiff": b"a", b"b": b"b"})
    check(tmp_path / "work", tmp_path / "runs", git)
