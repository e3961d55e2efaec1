"""Cleaning up workspaces in whatever state people, git and kills have left them: nothing is lost."""

import hashlib
import itertools
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.model.cleanup import Policy, RemoveWorkspace
from supervisor.supervision.cleanup.cleaner import Cleanup
from supervisor.supervision.tidy import Caretaker

WANTED = (b"scans/a.tiff", b"scans/b.tiff")
FILES = {b"scans/a.tiff": b"a\n", b"scans/b.tiff": b"b\n", b"letters/d.pdf": b"d\n", b".gitignore": b"*.bak\n"}
File = tuple[bytes, bytes]  # mode, as git has it, and content


def git(directory: Path, *arguments: str) -> bytes:
    """Git as somebody types it; what it refuses in this state does not happen."""
    return subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, check=False).stdout


@dataclass
class Archive:
    top: Path
    runs: Path
    start: str
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def make(self) -> "Workspace":
        run_id = f"r{next(self.numbers)}"
        path = WorkspaceManager(Repository.discover(self.top), self.runs).create(run_id, self.start, WANTED)
        return Workspace(self, path, self.top / ".git" / "worktrees" / run_id)

    def reachable(self, *starts: str) -> set[str]:
        listed = git(self.top, "rev-list", "--objects", *(starts or ("--all", self.start)))
        return {line.split()[0].decode() for line in listed.splitlines()}


@dataclass
class Workspace:
    archive: Archive
    path: Path
    admin: Path
    commits: list[str] = field(default_factory=list)

    def git(self, *arguments: str) -> bytes:
        return git(self.path, *arguments)

    def write(self, name: bytes, content: bytes) -> None:
        path = self.path / os.fsdecode(name)
        if self.path.is_dir() and not path.is_dir() and not path.is_symlink() and not path.parent.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def commit(self, *options: str) -> None:
        self.git("commit", "--quiet", "--allow-empty", "-m", f"{self.path.name} {len(self.commits)}", *options)
        made = self.git("rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
        self.commits += [made] if made else []

    def files(self) -> dict[bytes, File]:
        found: dict[bytes, File] = {}
        for path in self.path.rglob("*"):
            name, mode = os.fsencode(path.relative_to(self.path)), path.lstat().st_mode
            if stat.S_ISLNK(mode):
                found[name] = (b"120000", os.readlink(os.fsencode(path)))  # noqa: PTH115 (as it is written)
            elif stat.S_ISREG(mode) and name != b".git":
                found[name] = (b"100755" if mode & stat.S_IXUSR else b"100644", path.read_bytes())
        return found

    def index(self) -> dict[bytes, set[str]]:
        """The blobs that the index has for each path."""
        found: dict[bytes, set[str]] = {}
        for line in git(self.admin, f"--git-dir={self.admin}", "ls-files", "-s", "-z").split(b"\0"):
            if line:
                facts, name = line.split(b"\t", 1)
                found.setdefault(name, set()).add(facts.split()[1].decode())
        return found


def modified(one: Workspace) -> None:
    one.write(b"scans/a.tiff", b"retouched\n")


def same_size(one: Workspace) -> None:
    one.write(b"scans/a.tiff", b"A\n")


def staged(one: Workspace) -> None:
    one.write(b"scans/a.tiff", b"staged\n")
    one.git("add", "scans/a.tiff")


def staged_and_put_back(one: Workspace) -> None:
    staged(one)
    one.write(b"scans/a.tiff", b"a\n")


def staged_and_deleted(one: Workspace) -> None:
    staged(one)
    deleted(one)


def new_staged_and_deleted(one: Workspace) -> None:
    one.write(b"new.txt", b"new and staged\n")
    one.git("add", "new.txt")
    (one.path / "new.txt").unlink(missing_ok=True)


def deleted(one: Workspace) -> None:
    path = one.path / "scans/a.tiff"
    if path.is_file():
        path.unlink()


def announced(one: Workspace) -> None:
    one.write(b"announced.txt", b"content\n")
    one.git("add", "--intent-to-add", "announced.txt")


def untracked(one: Workspace) -> None:
    for number, name in enumerate([b"note.txt", b"odd/\xff\xfe.txt", b'odd/new\n"line"\\.txt', b"odd/ \t\r", b"-dash"]):
        one.write(name, b"mine %d\n" % number)


def ignored(one: Workspace) -> None:
    one.write(b"deep/page.bak", b"mine\r\n")


def linked(one: Workspace) -> None:
    if one.path.is_dir() and not os.path.lexists(one.path / "link"):
        (one.path / "link").symlink_to("./../../..//outside")
        (one.path / "dangling").symlink_to("nowhere")


def executable(one: Workspace) -> None:
    one.write(b"tool", b"#!/bin/sh\n")
    for name in ("tool", "scans/b.tiff"):
        if (one.path / name).is_file():
            (one.path / name).chmod(0o755)


def folder_for_file(one: Workspace) -> None:
    deleted(one)
    one.write(b"scans/a.tiff/inside.txt", b"mine\n")


def file_for_folder(one: Workspace) -> None:
    one.write(b"letters", b"a file where the commit has a folder\n")


def not_checked_out(one: Workspace) -> None:
    one.write(b"letters/d.pdf", b"mine\n")


def hidden_from_git(one: Workspace) -> None:
    one.git("update-index", "--assume-unchanged", "scans/b.tiff")
    one.write(b"scans/b.tiff", b"mine, and git shall not look\n")


def attributes(one: Workspace) -> None:
    one.write(b".gitattributes", b"* text eol=crlf ident filter=shout\n")
    one.write(b"ending.txt", b"one\r\ntwo\n$Id$\n")


def own_commit(one: Workspace) -> None:
    one.write(b"scans/a.tiff", b"committed\n")
    one.git("add", "scans/a.tiff")
    one.commit()


def amended(one: Workspace) -> None:
    own_commit(one)
    one.write(b"scans/a.tiff", b"amended\n")
    one.git("add", "scans/a.tiff")
    one.commit("--amend")


def detached_elsewhere(one: Workspace) -> None:
    own_commit(one)
    one.git("checkout", "--quiet", "--detach", one.archive.start)


def on_a_branch(one: Workspace) -> None:
    one.git("checkout", "--quiet", "-b", one.path.name)
    own_commit(one)


def orphan(one: Workspace) -> None:
    one.git("checkout", "--quiet", "--orphan", f"orphan-{one.path.name}")


def ref_of_its_own(one: Workspace) -> None:
    one.commit()
    one.git("update-ref", "refs/worktree/kept", "HEAD")
    one.git("checkout", "--quiet", "--detach", one.archive.start)
    # What the reflog alone had is lost by this, not by cleaning up.
    (one.admin / "logs" / "HEAD").unlink(missing_ok=True)
    one.commits = one.commits[-1:]


def merging(one: Workspace) -> None:
    own_commit(one)
    one.git("merge", "theirs")


def rebasing(one: Workspace) -> None:
    own_commit(one)
    one.git("rebase", "theirs")


def stashed(one: Workspace) -> None:
    one.write(b"scans/a.tiff", b"stashed in %s\n" % os.fsencode(one.path.name))
    one.git("stash")


def locked(one: Workspace) -> None:
    one.git("worktree", "unlock", str(one.path))
    one.git("worktree", "lock", "--reason", "mine", str(one.path))


def nested(one: Workspace) -> None:
    one.write(b"inner/file.txt", b"mine\n")
    one.git("init", "--quiet", "inner")


def served(one: Workspace) -> None:
    if one.path.is_dir() and not os.path.lexists(one.path / "socket"):
        with chdir(one.path), socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")


def named_like_git(one: Workspace) -> None:
    one.write(b"GIT~1", b"of somebody who likes old file names\n")


def with_submodule(one: Workspace) -> None:
    if one.admin.is_dir():
        (one.admin / "modules" / "fonts").mkdir(parents=True, exist_ok=True)


def half_made(one: Workspace) -> None:
    if (one.admin / "index").exists():
        (one.admin / "index").rename(one.admin / "index.unfinished")


def initializing(one: Workspace) -> None:
    if one.admin.is_dir():
        (one.admin / "locked").write_text("initializing")


def unregistered(one: Workspace) -> None:
    shutil.rmtree(one.admin, ignore_errors=True)
    # What it alone had is lost by this, not by cleaning up.
    one.commits.clear()


def without_directory(one: Workspace) -> None:
    shutil.rmtree(one.path, ignore_errors=True)


def damaged(one: Workspace) -> None:
    if (one.admin / "index").exists():
        (one.admin / "index").write_bytes(b"nonsense")


Step = Callable[[Workspace], None]
STEPS: list[Step] = [
    modified, same_size, staged, staged_and_put_back, staged_and_deleted, new_staged_and_deleted, deleted, announced,
    untracked, ignored, linked, executable, folder_for_file, file_for_folder, not_checked_out, hidden_from_git,
    attributes, own_commit, amended, detached_elsewhere, on_a_branch, orphan, ref_of_its_own, merging, rebasing,
    stashed, locked, nested, named_like_git, with_submodule, served, half_made, initializing, unregistered,
    without_directory, damaged,
]  # fmt: skip
NO_WORK = {deleted, on_a_branch, stashed, half_made, initializing, without_directory}
NEVER_SAVED = {locked, nested, named_like_git, with_submodule, served, damaged}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = T\n\temail = t@example.org\n[init]\n\tdefaultBranch = main\n"
        '[core]\n\tautocrlf = input\n[filter "shout"]\n\tclean = tr a-z A-Z\n\tsmudge = tr A-Z a-z\n\trequired\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.delenv("XDG_CONFIG_HOME", raising=False)
        top = tmp_path_factory.mktemp("archive")
        git(top, "init", "--quiet")
        for branch, files in (("main", FILES), ("theirs", {b"scans/a.tiff": b"theirs\n"})):
            git(top, "checkout", "--quiet", "-b", branch)
            for name, content in files.items():
                path = top / os.fsdecode(name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
            git(top, "add", "--all")
            git(top, "commit", "--quiet", "-m", branch)
        git(top, "checkout", "--quiet", "main")
        yield Archive(top, tmp_path_factory.mktemp("runs"), git(top, "rev-parse", "HEAD").decode().strip())


def blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def everything(archive: Archive) -> dict[str, object]:
    """All that a dry run must leave as it is."""
    places = [archive.runs, archive.top / ".git"]
    return {
        str(path): (one.st_mode, one.st_size, one.st_mtime_ns, one.st_ino)
        for place in places
        for path in place.rglob("*")
        for one in [path.lstat()]
    }


def told(done: Cleanup) -> list[object]:
    return [*(one.action for one in done.removed), *done.kept]


def check(archive: Archive, states: list[list[Step]], policy: Policy) -> dict[str, bool]:
    """Clean up workspaces in these states; return by number which are gone."""
    made = [archive.make() for _ in states]
    try:
        for one, steps in zip(made, states, strict=True):
            # Who makes a workspace half is our own checkout, before anybody has worked in it.
            for step in sorted(steps, key=lambda step: step is not half_made):
                step(one)
        return check_cleaning(archive, made, policy)
    finally:
        for one in made:
            shutil.rmtree(one.path, ignore_errors=True)
            shutil.rmtree(one.admin, ignore_errors=True)


def check_cleaning(archive: Archive, made: list[Workspace], policy: Policy) -> dict[str, bool]:
    before = [(one.files(), one.index()) for one in made]
    caretaker = Caretaker(archive.top, archive.runs)
    as_it_was = everything(archive)
    planned = caretaker.clean(policy, dry_run=True)
    assert everything(archive) == as_it_was
    done = caretaker.clean(policy)
    assert [one for one in told(done) if one not in told(planned)] == []
    assert told(planned) == told(done)
    removed = {one.action.path: one for one in done.removed if isinstance(one.action, RemoveWorkspace)}
    assert {one.path for one in done.kept}.isdisjoint(removed)
    reachable = archive.reachable()
    for one, (files, index) in zip(made, before, strict=True):
        if one.path not in removed:
            assert one.files() == files
            continue
        assert not one.path.exists()
        assert not one.admin.exists()
        assert {blob(content) for _, content in files.values()} <= reachable
        assert set().union(*index.values()) <= reachable
        assert set(one.commits) <= reachable
        saved = removed[one.path].saved
        if saved is not None:
            assert policy.force
            listed = git(archive.top, "ls-tree", "-r", "-z", saved.ref).split(b"\0")
            tree = {name: facts.split() for facts, name in (line.split(b"\t", 1) for line in listed if line)}
            assert {name: (mode, blob(content).encode()) for name, (mode, content) in files.items()}.items() <= {
                name: (facts[0], facts[2]) for name, facts in tree.items()
            }.items()
    return {str(number): one.path in removed for number, one in enumerate(made)}


def test_each_state_alone(archive: Archive) -> None:
    gone = check(archive, [[step] for step in STEPS], Policy())
    assert {step for number, step in enumerate(STEPS) if gone[str(number)]} == NO_WORK
    gone = check(archive, [[step] for step in STEPS], Policy(force=True))
    assert {step for number, step in enumerate(STEPS) if not gone[str(number)]} == NEVER_SAVED


# What it finds is small enough to be read, and shrinking it would take minutes.
@settings(
    max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(
    states=st.lists(st.lists(st.sampled_from(STEPS), max_size=5), min_size=1, max_size=4),
    force=st.booleans(),
)
def test_nothing_is_lost(archive: Archive, states: list[list[Step]], force: bool) -> None:
    check(archive, states, Policy(force=force))
