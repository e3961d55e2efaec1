import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from supervisor.git.errors import WorkspaceInUseError
from supervisor.git.inspection import Registration
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager

RunGit = Callable[..., bytes]
DOCUMENTS = (b"scans/a.tiff", b"scans/B.TIFF")


def make(manager: WorkspaceManager, run_id: str = "r") -> Path:
    return manager.create(run_id, manager._repository.resolve("HEAD"), DOCUMENTS)


def entries(git: RunGit, directory: Path) -> list[str]:
    listed = git(directory, "worktree", "list", "--porcelain").decode()
    return [line.removeprefix("worktree ") for line in listed.splitlines() if line.startswith("worktree ")]


def test_states(top: Path, manager: WorkspaceManager, runs: Path) -> None:
    assert manager.inspect_all() == []
    assert manager.inspect("r") is None
    assert manager.remove("r").reason is not None
    make(manager, "a")
    make(manager, "gone")
    shutil.rmtree(manager.path("gone"))
    (runs / "workspaces" / "empty" / "folder").mkdir(parents=True)
    (runs / "workspaces" / "stray").mkdir()
    (runs / "workspaces" / "stray" / "thesis.txt").write_bytes(b"years")
    (runs / "workspaces" / "link").symlink_to(top)
    (runs / "workspaces" / "file").write_bytes(b"")
    states = {state.run_id: state for state in manager.inspect_all()}
    assert {run_id: state.registration for run_id, state in states.items()} == {
        "a": Registration.REGISTERED,
        "gone": Registration.MISSING,
        "empty": Registration.FOREIGN,
        "stray": Registration.FOREIGN,
        "link": Registration.FOREIGN,
        "file": Registration.FOREIGN,
    }
    assert states["a"].commit == manager._repository.resolve("HEAD")
    assert states["a"].size_bytes == 2
    assert 0 <= states["a"].age_seconds < 60
    assert {run_id for run_id, state in states.items() if state.work} == {"stray", "link", "file"}
    removed = {run_id for run_id in states if manager.remove(run_id).removed}
    assert removed == {"a", "gone", "empty"}
    assert (runs / "workspaces" / "stray" / "thesis.txt").read_bytes() == b"years"
    assert (top / "README.md").exists()
    with pytest.raises(WorkspaceInUseError):
        make(manager, "stray")


def test_workspace_of_another_repository_is_not_ours(
    tmp_path: Path, manager: WorkspaceManager, runs: Path, git: RunGit, commit: Callable[..., str]
) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "--quiet", str(other))
    head = commit(other, {b"x": b"x"})
    theirs = WorkspaceManager(Repository.discover(other), runs)
    path = theirs.create("r", head, [])
    assert not manager.remove("r").removed
    with pytest.raises(WorkspaceInUseError, match="another repository"):
        make(manager)
    assert path.exists()
    assert theirs.remove("r").removed


def test_siblings_that_are_not_mounted_stay(top: Path, tmp_path: Path, manager: WorkspaceManager, git: RunGit) -> None:
    git(top, "worktree", "add", "--quiet", "--detach", str(tmp_path / "users own"))
    shutil.rmtree(tmp_path / "users own")
    elsewhere = WorkspaceManager(manager._repository, tmp_path / "other runs")
    make(elsewhere, "r")
    (tmp_path / "other runs").rename(tmp_path / "unmounted")
    make(manager, "r")
    make(manager, "s")
    shutil.rmtree(manager.path("s"))
    assert manager.remove("r").removed
    known = entries(git, top)
    assert str(tmp_path / "users own") in known
    assert str(elsewhere.path("r")) in known
    assert str(manager.path("s")) in known
    removal = elsewhere.remove("r")
    assert not removal.removed
    assert "mounted" in str(removal.reason)
    (tmp_path / "unmounted").rename(tmp_path / "other runs")
    assert elsewhere.remove("r").removed


def test_where_commits_stand_in_tables_it_is_kept(top: Path, manager: WorkspaceManager) -> None:
    make(manager)
    (top / ".git/worktrees/r/reftable").mkdir()
    for removal in (manager.remove("r"), manager.save_and_remove("r", datetime.now(UTC))):
        assert not removal.removed
        assert "in tables (reftable)" in str(removal.reason)
