"""Cleaning up a runs directory: results by age, locks, what is not ours, and what others do meanwhile."""

import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from supervisor.errors import UsageError
from supervisor.git import trash
from supervisor.git.command import Git
from supervisor.git.errors import GitError
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.cleanup import Policy
from supervisor.model.states import RunStatus
from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.runs import NewRun
from supervisor.supervision.cleanup import cleaner
from supervisor.supervision.cleanup.cleaner import Cleanup
from supervisor.supervision.place import Place
from supervisor.supervision.tidy import Caretaker

NOW = datetime.now(UTC)
OLD = Policy(days=30, artifacts=True, trash=True)


def git(directory: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, check=True).stdout.decode()


@dataclass
class Archive:
    """A repository, its runs directory with a control database, and runs that have ended in it."""

    top: Path
    runs: Path
    commit: str

    def caretaker(self) -> Caretaker:
        return Caretaker(self.top, self.runs)

    def clean(self, policy: Policy = OLD) -> tuple[list[str], dict[str, str]]:
        """Clean up, after a dry run that says the same; return what went, and what was kept and why."""
        before = self._everything()
        planned = self.caretaker().clean(policy, dry_run=True)
        assert self._everything() == before
        done = self.caretaker().clean(policy)
        assert self._told(planned) == self._told(done)
        return self._told(done)

    def _everything(self) -> dict[Path, bytes | None]:
        return {path: path.read_bytes() if path.is_file() else None for path in sorted(self.runs.rglob("*"))}

    def _told(self, done: Cleanup) -> tuple[list[str], dict[str, str]]:
        removed = []
        for one in done.removed:
            paths = getattr(one.action, "paths", None) or [getattr(one.action, "path", None) or one.action.ref]
            removed += [self._name(path) for path in paths]
        return sorted(removed), {self._name(one.path): one.reason for one in done.kept}

    def _name(self, path: Path | str) -> str:
        return str(path).removeprefix(f"{self.runs}/")

    def add(
        self, run_id: str, *, days: float = 40, status: RunStatus = RunStatus.SUCCEEDED, settled: bool = True
    ) -> Path:
        """Put a run on record that ended so many days ago, and the folder that it has left."""
        engine = Place.find(self.top, self.runs, None).databases.open_control()
        at = NOW - timedelta(days=days)
        with transaction(engine) as connection:
            if not sessions.named(connection, "night"):
                sessions.add(connection, "s", "night", at=at)
            new = NewRun(
                run_id=run_id, session_id="s", commit_sha=self.commit, repository="repo", spec={}, requested_by="anna",
                served_by=None,
            )  # fmt: skip
            row = runs.get(connection, runs.add(connection, new, at=at))
            if status is not RunStatus.QUEUED:
                ended = {"finished_at": at}
                runs.transition(connection, row, RunStatus.CANCELLED, at=at, actor="x", event="e", values=ended)
            if settled:
                runs.settle(connection, row.id, at=at)
        engine.dispose()
        return self.folder(run_id, days)

    def folder(self, run_id: str, days: float = 40) -> Path:
        top = self.runs / run_id
        names = ["output/scans/a.tiff.txt", "logs/executor.log", ".staging/3/output/a.txt", "trace.jsonl", "run.json"]
        for name in [*names, f"{run_id}.db", f"{run_id}.db-wal", ".run.json.x1"]:
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"12345")
            moment = (NOW - timedelta(days=days)).timestamp()
            os.utime(path, (moment, moment))
        return top

    def workspace(self, run_id: str, work: str | None = None) -> Path:
        path = WorkspaceManager(Repository.discover(self.top), self.runs).create(run_id, self.commit, [b"a.tiff"])
        if work is not None:
            (path / "note.txt").write_text(work)
        return path


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    home, top = tmp_path / "home", tmp_path / "archive"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = T\n\temail = t@example.org\n")
    monkeypatch.setenv("HOME", str(home))
    top.mkdir()
    (top / "a.tiff").write_bytes(b"a")
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "a"]):
        git(top, *arguments)
    (tmp_path / "runs").mkdir()
    return Archive(top, tmp_path / "runs", git(top, "rev-parse", "HEAD").strip())


def test_results_go_with_age_and_what_is_needed_stays(archive: Archive) -> None:
    archive.add("old")
    archive.add("young", days=29)
    archive.add("queued", status=RunStatus.QUEUED)
    archive.add("unsettled", settled=False)
    archive.folder("unrecorded")
    archive.add("again")
    archive.add("again", days=3)
    held = ExecutorLockManager(archive.runs)
    archive.add("held")
    with held.acquire("held"):
        removed, kept = archive.clean()
    assert removed == ["old"]
    assert not (archive.runs / "old").exists()
    assert {name: reason for name, reason in kept.items() if name != "held"} == {
        "young": "its run ended 29 days ago",
        "again": "its run ended 3 days ago",
        "queued": "its run is queued",
        "unsettled": "the next supervisor has to tidy up after it first",
        "unrecorded": "no run of that name is on record here",
    }
    assert kept["held"].startswith(f"run 'held' is executing (pid {os.getpid()} on ")
    assert archive.clean()[0] == ["held"]
    assert archive.clean(Policy(days=30)) == ([], {})


def test_a_folder_that_was_written_to_since_counts_from_then(archive: Archive) -> None:
    folder = archive.add("a")
    moment = (NOW - timedelta(days=2)).timestamp()
    os.utime(folder / "trace.jsonl", (moment, moment))
    assert archive.clean() == ([], {"a": "it was written to 2 days ago"})


def test_what_is_not_ours_stays_and_no_link_is_followed(archive: Archive, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "thesis").mkdir(parents=True)
    folder = archive.add("a")
    (folder / "notes.txt").write_text("mine")
    (folder / "output" / "link").symlink_to(outside)
    shutil.rmtree(folder / "logs")
    (folder / "logs").symlink_to(outside)
    (archive.runs / "b").symlink_to(outside)
    (archive.runs / "notes").write_text("mine")
    (archive.runs / "workspaces").mkdir()
    (archive.runs / "workspaces" / ".stray").mkdir()
    removed, kept = archive.clean()
    ours = [".run.json.x1", ".staging", "a.db", "a.db-wal", "output", "run.json", "trace.jsonl"]
    assert removed == [f"a/{name}" for name in ours]
    theirs = ["a/logs", "a/notes.txt", "b", "notes"]
    names = {name: reason for name, reason in kept.items() if name in theirs}
    assert names == dict.fromkeys(theirs, "it is not ours")
    assert kept["workspaces/.stray"] == "its name is no run id, so it is not ours"
    assert (outside / "thesis").is_dir()
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    (folder / "logs").unlink()
    assert archive.clean()[0] == ["a"]


def test_a_runs_directory_that_leads_elsewhere_is_refused(archive: Archive, tmp_path: Path) -> None:
    folder = archive.add("a")
    (tmp_path / "link").symlink_to(archive.runs)
    with pytest.raises(UsageError, match="symbolic link"):
        Caretaker(archive.top, tmp_path / "link").clean(OLD)
    assert folder.exists()


@pytest.mark.parametrize("force", [False, True])
def test_who_holds_the_lease_keeps_the_workspace(archive: Archive, force: bool) -> None:
    path = archive.workspace("a", work="mine")
    with WorkspaceLease(archive.runs, path, run_id="a"):
        removed, kept = archive.clean(Policy(force=force))
    assert removed == []
    assert kept["workspaces/a"].startswith(f"workspace {path} is in use by run 'a' (pid {os.getpid()} on ")


def test_what_was_saved_is_named_comes_back_and_goes_by_age(archive: Archive) -> None:
    archive.workspace("a", work="mine")
    (removed,) = archive.caretaker().clean(Policy(force=True)).removed
    assert removed.saved is not None
    ref = removed.saved.ref
    assert git(archive.top, "show", f"{ref}:note.txt") == "mine"
    assert git(archive.top, "diff", "--name-only", f"{ref}^", ref) == "note.txt\n"
    git(archive.top, "worktree", "add", "../back", ref)
    assert (archive.top.parent / "back" / "note.txt").read_text() == "mine"
    assert archive.clean() == ([], {})
    old = "refs/supervisor/trash/a/20250101T000000Z"
    git(archive.top, "update-ref", old, ref)
    git(archive.top, "update-ref", "refs/supervisor/trash/a/mine", ref)
    assert archive.clean() == ([old], {})
    assert git(archive.top, "for-each-ref", "--format=%(refname)", "refs/supervisor").split() == [
        ref,
        "refs/supervisor/trash/a/mine",
    ]


def test_a_run_that_comes_while_cleaning_keeps_what_it_needs(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.add("a")
    archive.workspace("a")
    archive.workspace("b")
    archive.workspace("c")
    archive.workspace("d")
    plan = cleaner.plan
    with ExitStack() as held:

        def meanwhile(*arguments: object) -> object:
            actions = plan(*arguments)  # type: ignore[arg-type]  # handed on
            archive.add("a", status=RunStatus.QUEUED)
            held.enter_context(ExecutorLockManager(archive.runs).acquire("b"))
            shutil.rmtree(archive.runs / "workspaces" / "c")
            git(archive.top, "worktree", "unlock", str(archive.runs / "workspaces" / "c"))
            git(archive.top, "worktree", "prune")
            (archive.runs / "workspaces" / "d" / "note.txt").write_text("mine")
            return actions

        monkeypatch.setattr(cleaner, "plan", meanwhile)
        done = archive.caretaker().clean(Policy(days=0, artifacts=True))
    assert done.removed == []
    reasons = {one.path.relative_to(archive.runs).as_posix(): one.reason for one in done.kept}
    assert reasons.pop("workspaces/b").startswith("run 'b' is executing (pid ")
    assert reasons == {
        "workspaces/a": "its run is queued",
        "a": "its run is queued",
        "workspaces/d": "1 new file (note.txt)",
    }


def test_two_at_once_do_it_once(archive: Archive) -> None:
    names = [f"r{number}" for number in range(3)]
    for name in names:
        archive.add(name)
        archive.workspace(name, work="mine")
    policy = Policy(days=0, artifacts=True, force=True)
    with ThreadPoolExecutor(2) as both:
        cleanups = list(both.map(lambda _: archive.caretaker().clean(policy), range(2)))
    told = [name for done in cleanups for name in archive._told(done)[0]]
    assert sorted(told) == sorted([*names, *(f"workspaces/{name}" for name in names)])
    saved = git(archive.top, "for-each-ref", "--format=%(refname)", "refs/supervisor/trash").split()
    assert [ref.split("/")[3] for ref in saved] == names


def test_what_cannot_be_deleted_is_kept_and_said(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.add("a")
    archive.workspace("b")

    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refused)
    done = archive.caretaker().clean(Policy(days=0, artifacts=True))
    assert done.removed == []
    assert [one.reason.partition(": ")[0] for one in done.kept] == ["it cannot be deleted"] * 2


def test_somebody_who_works_in_it_while_it_is_saved_keeps_it(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive.workspace("a", work="mine")
    save: Callable[..., object] = trash.save

    def meanwhile(*arguments: object) -> object:
        saved = save(*arguments)
        (path / "note.txt").write_text("more")
        return saved

    monkeypatch.setattr(trash, "save", meanwhile)
    (kept,) = archive.caretaker().clean(Policy(force=True)).kept
    assert kept.reason == "somebody changed it while it was being saved"
    assert (path / "note.txt").read_text() == "more"
    assert git(archive.top, "for-each-ref", "refs/supervisor/trash") == ""


def test_a_commit_that_is_made_while_it_is_saved_keeps_it(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive.workspace("a", work="mine")
    save: Callable[..., object] = trash.save

    def meanwhile(*arguments: object) -> object:
        saved = save(*arguments)
        # No file changes, and no ref that would outlive the workspace.
        git(path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-m", "An afterthought")
        return saved

    monkeypatch.setattr(trash, "save", meanwhile)
    (kept,) = archive.caretaker().clean(Policy(force=True)).kept
    assert kept.reason == "somebody changed it while it was being saved"
    assert git(path, "log", "-1", "--format=%s") == "An afterthought\n"
    assert git(archive.top, "for-each-ref", "refs/supervisor/trash") == ""


def test_what_was_saved_is_named_though_git_cannot_forget_the_workspace(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive.workspace("a", work="mine")
    run = Git.run

    def refused(self: Git, *arguments: str, **others: Any) -> bytes:
        if arguments[:2] == ("worktree", "remove"):
            raise GitError(arguments, 128, "fatal: not now")
        return run(self, *arguments, **others)

    monkeypatch.setattr(Git, "run", refused)
    (kept,) = archive.caretaker().clean(Policy(force=True)).kept
    (ref,) = git(archive.top, "for-each-ref", "--format=%(refname)", "refs/supervisor/trash").split()
    assert not path.exists()
    assert kept.reason.startswith("it cannot be deleted: ")
    assert kept.reason.endswith(f"(it is saved as {ref})")
