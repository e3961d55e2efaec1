"""What is in a workspace, and whether removing it would lose anything."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from supervisor.git.changes import status_entries
from supervisor.git.command import Git
from supervisor.git.contents import DiskContent, look_at
from supervisor.git.errors import GitError, argument_text
from supervisor.git.halfmade import not_from_checkout
from supervisor.git.owncommits import half_done, own_commits
from supervisor.git.registration import INITIALIZING, Entry

_NAMED = 3  # so many files of each kind are named
# Whatever the user has set: every file is looked at, by all that tells that it was changed. Without sparse checkout, or
# git would unmark files that it was told not to look at, and we not find them.
_LOOKING = (
    ("core.sparseCheckout", "false"),
    ("core.ignoreStat", "false"),
    ("core.trustctime", "true"),
    ("core.checkStat", "default"),
)


class Registration(StrEnum):
    """What the repository knows about a workspace."""

    REGISTERED = "registered"
    INITIALIZING = "initializing"  # made half: its maker was killed
    MISSING = "missing"  # known to the repository, and its directory is gone
    FOREIGN = "foreign"  # a directory that the repository does not know


@dataclass(frozen=True)
class WorkspaceState:
    """A workspace as it was found.

    Attributes:
        run_id: The name of its directory.
        path: The directory.
        commit: What its HEAD is at; None where that cannot be told.
        registration: What the repository knows about it.
        work: Why it must be kept, a phrase each; empty if it can go.
        made_at: When it was made, by the clock of its file system.
        age_seconds: Since then.
        size_bytes: Of all files in it.
    """

    run_id: str
    path: Path
    commit: str | None
    registration: Registration
    work: tuple[str, ...]
    made_at: datetime
    age_seconds: float
    size_bytes: int


def look(run_id: str, path: Path, entry: Entry | None, now_seconds: float, *, common_dir: Path) -> WorkspaceState:
    """Return the state of the workspace at `path`.

    Args:
        run_id: The name of its directory.
        path: Where it is, or would be.
        entry: What the repository knows about it.
        common_dir: The git directory that it shares with the repository's other worktrees.
        now_seconds: The time, as of `time.time`, from which its age is told.
    """
    there = os.path.lexists(path)
    disk = look_at(path)
    registration = _registration(path, entry, there=there)
    commit = entry.commit() if entry else None
    try:
        work = _work(path, entry, registration, disk, common_dir)
    except (GitError, OSError) as error:
        if there and not os.path.lexists(path):
            # Somebody has removed it meanwhile, which can be seen now.
            return look(run_id, path, entry, now_seconds, common_dir=common_dir)
        # What cannot be read may be anything.
        work = (f"it cannot be looked into: {error}",)
    made_at = _made_at(path, entry, now_seconds)
    age_seconds = max(0.0, now_seconds - made_at)
    made = datetime.fromtimestamp(made_at, UTC)
    return WorkspaceState(run_id, path, commit, registration, work, made, age_seconds, disk.size_bytes)


def _made_at(path: Path, entry: Entry | None, otherwise: float) -> float:
    """Return when the workspace was made: its `.git` file is never written again."""
    for witness in (path / ".git", path, entry.admin_dir if entry else path):
        with suppress(FileNotFoundError, NotADirectoryError):
            return witness.lstat().st_mtime
    return otherwise


def _registration(path: Path, entry: Entry | None, *, there: bool) -> Registration:
    if entry is None or path.is_symlink():
        return Registration.FOREIGN
    if not there:
        return Registration.MISSING
    is_ready = entry.is_complete and entry.locked != INITIALIZING
    return Registration.REGISTERED if is_ready else Registration.INITIALIZING


def _work(
    path: Path, entry: Entry | None, registration: Registration, disk: DiskContent, common_dir: Path
) -> tuple[str, ...]:
    if path.is_symlink():
        return ("it is a symbolic link",)
    if entry is None and os.path.lexists(path / ".git"):
        return ("it belongs to another repository, or this one has lost its record of it",)
    if entry is None:
        return _phrase(disk.names, "file", "in a directory that is no worktree of this repository")
    kept_by_git = _work_in_git(entry, common_dir)
    if registration is Registration.MISSING:
        return kept_by_git
    if entry.is_complete:
        return _files_with_work(path, entry, disk) + kept_by_git
    # Nobody has worked in it yet. What our own killed checkout has left stands in the commit, perhaps cut off.
    return _phrase(not_from_checkout(path, entry, disk), "new file") + kept_by_git


def _files_with_work(path: Path, entry: Entry, disk: DiskContent) -> tuple[str, ...]:
    """Compare disk, index and HEAD. Files that were deleted are no work: the commit has them."""
    git = Git(directory=path, git_dir=entry.admin_dir, work_tree=path, config=_LOOKING).with_filters_off()
    changed, new, ignored = set[bytes](), set[bytes](), set[bytes]()
    for status in status_entries(git, "--ignored=traditional"):
        if status.on_disk or status.staged:
            {"?": new, "!": ignored}.get(status.kind, changed).add(status.path)
    listed = (line.split(b" ", 1) for line in git.run("ls-files", "-z", "-v").split(b"\0") if line)
    checked_out = {name for tag, name in listed if tag != b"S" and tag.isupper()}
    # Files that git was told not to look at (`skip-worktree`, `assume-unchanged`), and those in a repository inside the
    # workspace.
    named = changed | new | ignored
    inner = tuple(name for name in named if name.endswith(b"/"))
    unseen = {name for name in disk.names - checked_out - named if not name.startswith(inner)}
    return (
        *_phrase(changed, "changed file"),
        *_phrase(new, "new file"),
        *_phrase(ignored, "ignored file"),
        *_phrase(unseen, "file", "that was not checked out"),
    )


def _work_in_git(entry: Entry, common_dir: Path) -> tuple[str, ...]:
    """Tell of what lies in the worktree's own git directory, and vanishes with it."""
    lost = own_commits(entry, common_dir)
    operation = half_done(entry)
    lock = entry.foreign_lock(entry.path.name) if entry.path else None
    return (
        *(f"{_count(lost.count, 'commit')} of its own that no ref reaches ({tip[:12]})" for tip in lost.tips[:1]),
        *((f"{operation} is half done",) if operation else ()),
        *(("submodules were fetched in it",) if entry.has_submodules else ()),
        *(("perhaps commits of its own, in tables (reftable)",) if entry.has_hidden_commits else ()),
        *((f"it is locked ({lock}): git worktree unlock",) if lock is not None else ()),
    )


def _phrase(names: set[bytes] | frozenset[bytes], what: str, where: str = "") -> tuple[str, ...]:
    if not names:
        return ()
    return (f"{_count(len(names), what)}{where and f' {where}'} ({_some(sorted(names))})",)


def _some(names: Sequence[bytes]) -> str:
    named = ", ".join(argument_text(os.fsdecode(name)) for name in names[:_NAMED])
    return f"{named}, …" if len(names) > _NAMED else named


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
