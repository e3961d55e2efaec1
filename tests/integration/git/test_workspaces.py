import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.errors import SurroundingsError, UsageError
from supervisor.git.errors import GitError, MetadataHeldError, WorkspaceInUseError
from supervisor.git.metadatalock import metadata_lock
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager

RunGit = Callable[..., bytes]
DOCUMENTS = (b"scans/a.tiff", b"scans/B.TIFF")


def files_in(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()} - {".git"}


def make(manager: WorkspaceManager, run_id: str = "r") -> Path:
    return manager.create(run_id, manager._repository.resolve("HEAD"), DOCUMENTS)


def entries(git: RunGit, directory: Path) -> list[str]:
    listed = git(directory, "worktree", "list", "--porcelain").decode()
    return [line.removeprefix("worktree ") for line in listed.splitlines() if line.startswith("worktree ")]


def test_holds_the_wanted_files_only_and_no_setting_changes(
    top: Path, manager: WorkspaceManager, git: RunGit, runs: Path
) -> None:
    config, branches = (top / ".git" / "config").read_bytes(), git(top, "branch", "-a")
    path = make(manager)
    assert path == manager.path("r") == runs / "workspaces" / "r"
    assert files_in(path) == {"scans/a.tiff", "scans/B.TIFF"}
    assert git(path, "status", "--porcelain", "--ignored") == b""
    assert git(path, "rev-parse", "HEAD") == git(top, "rev-parse", "HEAD")
    assert git(path, "rev-parse", "--abbrev-ref", "HEAD") == b"HEAD\n"
    assert (top / ".git" / "worktrees" / "r" / "locked").read_text().strip() == "supervisor run r"
    assert not (top / ".git" / "worktrees" / "r" / "config.worktree").exists()
    assert (top / ".git" / "config").read_bytes() == config
    assert git(top, "branch", "-a") == branches
    removal = manager.remove("r")
    assert (removal.path, removal.removed, removal.reason) == (path, True, None)
    assert not path.exists()
    assert entries(git, top) == [str(top)]
    assert (top / ".git" / "config").read_bytes() == config
    assert git(top, "status", "--porcelain") == b""


def test_odd_names_are_exact(
    top: Path, manager: WorkspaceManager, git: RunGit, commit: Callable[..., str], odd_names: tuple[bytes, ...]
) -> None:
    head = commit(top, {**dict.fromkeys(odd_names, b"x"), b"scans/starX.png": b"y", b"scans/bra.png": b"y"})
    path = manager.create("r", head, odd_names)
    assert {os.fsencode(name) for name in files_in(path)} == set(odd_names)
    assert git(path, "status", "--porcelain") == b""
    state = manager.inspect("r")
    assert state is not None
    assert state.work == ()
    assert state.size_bytes == len(odd_names)
    single = manager.create("single", head, [b"scans/star*.png"])
    assert files_in(single) == {"scans/star*.png"}
    assert manager.remove("r").removed


def test_modes_and_links(top: Path, manager: WorkspaceManager, commit: Callable[..., str]) -> None:
    (top / "tool").write_bytes(b"#!/bin/sh\n")
    (top / "tool").chmod(0o755)
    (top / "link").symlink_to("scans/a.tiff")
    path = manager.create("r", commit(top, {}), [b"tool", b"link", b"tool"])
    assert (path / "tool").stat().st_mode & stat.S_IXUSR
    assert (path / "link").readlink() == Path("scans/a.tiff")


def test_nothing_wanted_is_an_empty_workspace(manager: WorkspaceManager, git: RunGit) -> None:
    path = manager.create("r", manager._repository.resolve("HEAD"), [])
    assert files_in(path) == set()
    assert git(path, "status", "--porcelain") == b""


def test_failure_leaves_nothing(top: Path, manager: WorkspaceManager, git: RunGit) -> None:
    head = manager._repository.resolve("HEAD")
    with pytest.raises(GitError):
        manager.create("r", head, [*DOCUMENTS, b"not/in/commit"])
    with pytest.raises(GitError):
        manager.create("r", "0" * 40, DOCUMENTS)
    assert not manager.path("r").exists()
    assert entries(git, top) == [str(top)]
    assert not any((top / ".git" / "worktrees").glob("*"))


def test_runs_directory_that_cannot_be_made(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "file").write_bytes(b"")
    manager = WorkspaceManager(repository, tmp_path / "file" / "runs")
    with pytest.raises(SurroundingsError, match="cannot be made"):
        make(manager)
    assert not manager.remove("r").removed


def test_metadata_is_changed_under_the_lock_only(
    top: Path, manager: WorkspaceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(manager, "made")
    monkeypatch.setattr("supervisor.git.metadatalock._TIMEOUT_SECONDS", 0.1)
    with metadata_lock(top / ".git"):
        with pytest.raises(MetadataHeldError) as caught:
            make(manager, "r")
        with pytest.raises(MetadataHeldError):
            manager.remove("made")
        with pytest.raises(MetadataHeldError):
            manager._repository.exclude_from_status(top / "runs")
    assert caught.value.exit_code == 3
    assert not manager.path("r").exists()
    assert manager.remove("made").removed
    assert (top / ".git" / "supervisor-metadata.lock").exists()


def test_interruption_leaves_nothing(
    top: Path, manager: WorkspaceManager, git: RunGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        (manager.path("r") / "scans").mkdir()
        (manager.path("r") / "scans" / "a.tiff").write_bytes(b"")  # it was cut off
        raise KeyboardInterrupt

    monkeypatch.setattr("supervisor.git.provisioning.fill", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(manager)
    assert not manager.path("r").exists()
    assert entries(git, top) == [str(top)]


def test_clean_one_is_replaced(top: Path, manager: WorkspaceManager, commit: Callable[..., str]) -> None:
    make(manager)
    head = commit(top, {b"scans/a.tiff": b"newer"})
    path = manager.create("r", head, [b"scans/a.tiff"])
    assert files_in(path) == {"scans/a.tiff"}
    assert (path / "scans" / "a.tiff").read_bytes() == b"newer"


def change(path: Path) -> None:
    (path / "scans" / "a.tiff").write_bytes(b"edited")


def add(path: Path) -> None:
    (path / "notes.txt").write_bytes(b"n")


def ignore(path: Path) -> None:
    (path / "x.log").write_bytes(b"n")


def unasked(path: Path) -> None:
    (path / "letters").mkdir()
    (path / "letters" / "d.pdf").write_bytes(b"d")


def stage(path: Path) -> None:
    (path / "scans" / "a.tiff").write_bytes(b"edited")
    subprocess.run(["git", "-C", str(path), "add", "scans/a.tiff"], check=True)


def own_commit(path: Path) -> None:
    stage(path)
    subprocess.run(["git", "-C", str(path), "commit", "--quiet", "-m", "own"], check=True)


def inner_repository(path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(path / "inner")], check=True)


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (change, "1 changed file (scans/a.tiff)"),
        (stage, "1 changed file (scans/a.tiff)"),
        (add, "1 new file (notes.txt)"),
        (ignore, "1 ignored file (x.log)"),
        (unasked, "1 file that was not checked out (letters/d.pdf)"),
        (own_commit, "1 commit of its own that no ref reaches"),
        (inner_repository, "file"),
    ],
)
def test_work_is_kept_and_named(
    top: Path, manager: WorkspaceManager, work: Callable[[Path], None], reason: str
) -> None:
    (top / ".git" / "info" / "exclude").write_text("*.log\n")
    path = make(manager)
    before = manager.inspect("r")
    assert before is not None
    assert before.work == ()
    work(path)
    content = {name: (path / name).read_bytes() for name in files_in(path)}
    state = manager.inspect("r")
    assert state is not None
    assert any(phrase.startswith(reason.removesuffix("file")) for phrase in state.work), state.work
    removal = manager.remove("r")
    assert not removal.removed
    assert reason in str(removal.reason)
    with pytest.raises(WorkspaceInUseError) as caught:
        make(manager)
    assert isinstance(caught.value, UsageError)
    assert reason in caught.value.message
    assert str(path) in str(caught.value.hint)
    assert {name: (path / name).read_bytes() for name in files_in(path)} == content


def test_commits_that_a_branch_reaches_and_deleted_files_are_no_work(
    top: Path, manager: WorkspaceManager, git: RunGit
) -> None:
    path = make(manager)
    own_commit(path)
    git(path, "branch", "kept")
    (path / "scans" / "B.TIFF").unlink()
    assert manager.remove("r").removed
    assert git(top, "show", "kept:scans/a.tiff") == b"edited"


def test_commit_it_started_from_is_no_work_when_no_ref_reaches_it(
    top: Path, manager: WorkspaceManager, git: RunGit
) -> None:
    (top / "scans" / "new.tiff").write_bytes(b"n")
    taken = manager._repository.snapshot(["**"], [])
    path = manager.create("r", taken, [b"scans/new.tiff"])
    git(top, "gc", "--quiet", "--prune=now")
    assert git(path, "status", "--porcelain") == b""
    assert manager.remove("r").removed
