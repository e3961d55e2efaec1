"""Workspaces saved before they are removed: commits of all that is in them, under `refs/supervisor/trash/`.

The tree of such a commit is the workspace, byte for byte: changed, new and ignored files; what was never checked out is
in it as the index had it. Its parents are HEAD, and what else the workspace alone remembered. What was staged and is in
none of these, and what git had noted of a merge or rebase, is in one more parent: `staged/`, `conflict-1/` to
`conflict-3/` (the stages of git-ls-files(1)) and `git/`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from supervisor.git.command import Git
from supervisor.git.contents import DiskContent, look_at
from supervisor.git.errors import GitError, argument_text
from supervisor.git.objectwriter import ObjectWriter, Tree
from supervisor.git.owncommits import half_done, notes, own_commits
from supervisor.git.registration import Entry
from supervisor.locks.own_folder import temporary_folder

TRASH = "refs/supervisor/trash/"
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_SUBMODULE = b"160000"
_NAMED = 3  # so many of what cannot be saved are named


@dataclass(frozen=True)
class Saved:
    """A workspace that was saved.

    Attributes:
        ref: `refs/supervisor/trash/<run id>/<time>`.
    """

    ref: str
    commit: str
    run_id: str
    saved_at: datetime


def obstacles(run_id: str, path: Path, entry: Entry | None, common_dir: Path) -> tuple[str, ...]:
    """Return why a workspace cannot be saved and removed, a phrase each; empty if it can.

    Reads names and modes only: reading the files can still fail.
    """
    if path.is_symlink():
        return ("it is a symbolic link",)
    if os.path.lexists(path) and not path.is_dir():
        return ("it is no directory",)
    if entry is None and not _is_of(path, common_dir):
        return ("it belongs to another repository",)
    lock = entry.foreign_lock(run_id) if entry is not None else None
    found = [f"it is locked ({lock}): git worktree unlock"] if lock is not None else []
    if entry is not None and entry.has_submodules:
        found.append("submodules were fetched in it")
    if entry is not None and entry.has_hidden_commits:
        found.append("its commits stand in tables (reftable), which cannot be read")
    if entry is not None:
        try:
            _Index.read(entry)
        except GitError as error:
            found.append(f"its index cannot be read: {error.message}")
    cannot = list(look_at(path).obstacles())
    found += [f"{argument_text(os.fsdecode(name))} is {why}, which cannot be saved" for why, name in cannot[:_NAMED]]
    return (*found, *((f"and {len(cannot) - _NAMED} more like this",) if len(cannot) > _NAMED else ()))


def save(common_dir: Path, run_id: str, disk: DiskContent, entry: Entry | None, at: datetime) -> Saved:
    """Save a workspace.

    Args:
        common_dir: The git directory of the repository.
        run_id: Whose workspace it is.
        disk: What is in it; without obstacles.
        entry: What the repository knows about it; None where it has lost that.
        at: The time, which becomes a part of the ref.

    Raises:
        GitError: It cannot be saved, or one of this run was in that very second. There is no new ref then.
        OSError: A file is not there any more.
    """
    ref = f"{TRASH}{run_id}/{at.astimezone(UTC):{_TIME_FORMAT}}"
    with temporary_folder("trash") as scratch:
        writer = ObjectWriter(common_dir, scratch.path)
        on_disk = writer.disk(disk)
        index = _Index.read(entry) if entry is not None else _Index({}, {}, {})
        head = entry.commit() if entry is not None else None
        tree = writer.tree(_not_on_disk(index, disk), on_disk)
        parents = [head] if head else []
        if entry is not None:
            parents += [tip for tip in own_commits(entry, common_dir).tips if tip != head]
            aside = _aside(index, on_disk, writer.read_tree(head) if head else Tree(), writer, entry)
            parents += [aside] if aside else []
        where = argument_text(str(disk.top))
        commit = writer.commit(f"Workspace of run {run_id}\n\nIt was removed from {where}.\n", tree, parents)
        writer.point(ref, commit)
    return Saved(ref, commit, run_id, at)


def saved(git: Git) -> list[Saved]:
    """Return what was saved and not dropped, by run id and time; refs that are not of our making are left out."""
    lines = git.run("for-each-ref", "--format=%(objectname) %(refname)", TRASH).decode().splitlines()
    found = []
    for commit, ref in (line.split(" ", 1) for line in lines):
        run_id, _, stamp = ref.removeprefix(TRASH).partition("/")
        try:
            at = datetime.strptime(stamp, _TIME_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            continue
        found.append(Saved(ref, commit, run_id, at))
    return found


def drop(git: Git, ref: str, commit: str) -> None:
    """Delete the ref of what was saved, if it still is at that commit.

    Raises:
        GitError: It is not.
    """
    git.run("update-ref", "-d", ref, commit)


@dataclass(frozen=True)
class _Index:
    """The index of a workspace.

    Attributes:
        entries: What it has, conflicts apart.
        not_checked_out: Of this, what need not be on disk.
        conflicts: By stage, 1 to 3.
    """

    entries: Tree
    not_checked_out: Tree
    conflicts: Mapping[bytes, Tree]

    @classmethod
    def read(cls, entry: Entry) -> "_Index":
        git = Git(directory=entry.admin_dir, git_dir=entry.admin_dir)
        entries, not_checked_out, conflicts = Tree(), Tree(), dict[bytes, Tree]()
        for line in git.run("ls-files", "-z", "-t", "--stage", "--full-name").split(b"\0"):
            if line:
                facts, path = line.split(b"\t", 1)
                tag, mode, blob, stage = facts.split(b" ")
                part = entries if stage == b"0" else conflicts.setdefault(stage, Tree())
                part[path] = (mode, blob)
                if stage == b"0" and (tag == b"S" or mode == _SUBMODULE):
                    not_checked_out[path] = (mode, blob)
        return cls(entries, not_checked_out, conflicts)


def _is_of(path: Path, common_dir: Path) -> bool:
    """Tell whether a directory that the repository does not know was a worktree of it, or never was one of any."""
    try:
        leads_to = (path / ".git").read_bytes().removeprefix(b"gitdir: ").removesuffix(b"\n")
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return Path(os.path.normpath(path / os.fsdecode(leads_to))).parent == common_dir / "worktrees"


def _not_on_disk(index: _Index, disk: DiskContent) -> Tree:
    """Return what belongs to the workspace without being on disk."""
    # Where the directory is gone as a whole, nobody has deleted its files one by one.
    belongs = index.not_checked_out if os.path.lexists(disk.top) else index.entries
    return {path: one for path, one in belongs.items() if path not in disk.files}


def _aside(index: _Index, on_disk: Tree, committed: Tree, writer: ObjectWriter, entry: Entry) -> str | None:
    """Return a commit of what the workspace's git directory alone has; None if that is nothing."""
    staged = {
        path: one
        for path, one in index.entries.items()
        if one not in (committed.get(path), on_disk.get(path)) and one[0] != _SUBMODULE
    }
    parts = {b"staged": staged} | {b"conflict-" + stage: part for stage, part in index.conflicts.items()}
    if half_done(entry):
        noted = {os.fsencode(file.relative_to(entry.admin_dir)): file for file in notes(entry)}
        parts[b"git"] = writer.raw(noted)
    together = {folder + b"/" + path: one for folder, part in parts.items() for path, one in part.items()}
    if not together:
        return None
    # What is merely announced to git (`add --intent-to-add`) has the id of the empty blob, whether or not there is one.
    writer.empty_blob()
    return writer.commit(f"Staged and half done: {entry.path}\n", writer.tree(Tree(), together), [])
