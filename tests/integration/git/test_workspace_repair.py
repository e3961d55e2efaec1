"""Workspaces that something was killed in the middle of making."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervisor.git import inspection
from supervisor.git.errors import WorkspaceInUseError
from supervisor.git.inspection import Registration
from supervisor.git.workspaces import WorkspaceManager

RunGit = Callable[..., bytes]


def after_add(path: Path, admin: Path) -> None:
    """Killed between `worktree add` and checkout."""
    (admin / "index").unlink()
    for file in (path / "scans").iterdir():
        file.unlink()
    (path / "scans").rmdir()


def gits_own_word(path: Path, admin: Path) -> None:
    after_add(path, admin)
    (admin / "locked").write_text("initializing")


def in_checkout(path: Path, admin: Path) -> None:
    (admin / "index").rename(admin / "index.unfinished")
    (admin / "index.unfinished.lock").write_bytes(b"")
    (path / "scans" / "a.tiff").write_bytes(b"")


def before_head(path: Path, admin: Path) -> None:
    after_add(path, admin)
    (admin / "HEAD").write_text("0" * 40 + "\n")
    (admin / "commondir").unlink()


def before_dot_git(path: Path, admin: Path) -> None:
    after_add(path, admin)
    (path / ".git").unlink()
    (admin / "HEAD").unlink()


def before_directory(path: Path, admin: Path) -> None:
    before_dot_git(path, admin)
    path.rmdir()


def before_anything(path: Path, admin: Path) -> None:
    shutil.rmtree(path)
    for name in ("info", "refs", "logs"):
        shutil.rmtree(admin / name, ignore_errors=True)
    for file in admin.iterdir():
        if file.name != "locked":
            file.unlink()


HALVES = [after_add, gits_own_word, in_checkout, before_head, before_dot_git, before_directory, before_anything]


def make(manager: WorkspaceManager) -> Path:
    return manager.create("r", manager._repository.resolve("HEAD"), [b"scans/a.tiff"])


@pytest.mark.parametrize("half", HALVES)
def test_is_made_anew(top: Path, manager: WorkspaceManager, git: RunGit, half: Callable[[Path, Path], None]) -> None:
    half(make(manager), top / ".git" / "worktrees" / "r")
    path = make(manager)
    assert (path / "scans" / "a.tiff").read_bytes() == b"a"
    assert git(path, "status", "--porcelain") == b""
    assert [entry.name for entry in (top / ".git" / "worktrees").iterdir()] == ["r"]


@pytest.mark.parametrize("half", HALVES[:-1])
def test_is_cleaned_up(top: Path, manager: WorkspaceManager, half: Callable[[Path, Path], None]) -> None:
    half(make(manager), top / ".git" / "worktrees" / "r")
    (state,) = manager.inspect_all()
    expected = Registration.MISSING if half is before_directory else Registration.INITIALIZING
    assert state.registration is expected
    assert state.work == ()
    assert manager.remove("r").removed
    assert manager.inspect_all() == []
    assert not any((top / ".git" / "worktrees").glob("*"))


def test_an_entry_that_says_nothing_goes_with_the_wish_to_remove_its_workspace(
    top: Path, manager: WorkspaceManager
) -> None:
    before_anything(make(manager), top / ".git" / "worktrees" / "r")
    assert not manager.remove("another").found
    assert (top / ".git" / "worktrees" / "r").exists()
    assert not manager.remove("r").found
    assert not any((top / ".git" / "worktrees").glob("*"))


@pytest.mark.parametrize("half", HALVES[:-2])
def test_foreign_file_in_it_is_kept(top: Path, manager: WorkspaceManager, half: Callable[[Path, Path], None]) -> None:
    path = make(manager)
    half(path, top / ".git" / "worktrees" / "r")
    (path / "thesis.txt").write_bytes(b"years")
    assert "thesis.txt" in str(manager.remove("r").reason)
    with pytest.raises(WorkspaceInUseError):
        make(manager)
    assert (path / "thesis.txt").read_bytes() == b"years"


def test_finished_one_that_lost_its_git_file_is_compared_all_the_same(manager: WorkspaceManager) -> None:
    path = make(manager)
    (path / ".git").unlink()
    (path / "scans" / "a.tiff").write_bytes(b"edited")
    assert manager.remove("r").reason == "1 changed file (scans/a.tiff)"
    (path / "scans" / "a.tiff").write_bytes(b"a")
    assert manager.remove("r").removed
    assert not path.exists()


def test_finished_one_that_git_calls_initializing_is_compared_all_the_same(
    top: Path, manager: WorkspaceManager
) -> None:
    path = make(manager)
    (top / ".git" / "worktrees" / "r" / "locked").write_text("initializing")
    (path / "scans" / "a.tiff").write_bytes(b"edited")
    state = manager.inspect("r")
    assert state is not None
    assert state.registration is Registration.INITIALIZING
    assert state.work == ("1 changed file (scans/a.tiff)",)
    (path / "scans" / "a.tiff").write_bytes(b"a")
    assert manager.remove("r").removed


def test_damaged_index_is_kept(top: Path, manager: WorkspaceManager) -> None:
    make(manager)
    (top / ".git" / "worktrees" / "r" / "index").write_bytes(b"nonsense")
    assert "cannot be looked into" in str(manager.remove("r").reason)


def test_one_that_somebody_removes_while_it_is_looked_at_is_gone(
    manager: WorkspaceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manager.create("a", manager._repository.resolve("HEAD"), [b"scans/a.tiff"])
    real = inspection._files_with_work

    def remove_and_look(*arguments: Any) -> tuple[str, ...]:
        shutil.rmtree(path)
        return real(*arguments)

    monkeypatch.setattr(inspection, "_files_with_work", remove_and_look)
    assert manager.remove("a").removed
    assert manager.inspect("a") is None
