"""What is in a workspace, and whether removing it would lose anything."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from supervisor.git.changes import status_entries
from supervisor.git.command import Git
from supervisor.git.errors import GitError, argument_text
from supervisor.git.registration import INITIALIZING, Entry

_NAMED = 3  # so many files of each kind are named


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
        age_seconds: Since it was made.
        size_bytes: Of all files in it.
    """

    run_id: str
    path: Path
    commit: str | None
    registration: Registration
    work: tuple[str, ...]
    age_seconds: float
    size_bytes: int


@dataclass(frozen=True)
class DiskContent:
    """The files of a workspace, `.git` at its top left out; paths relative to it."""

    files: frozenset[bytes]
    size_bytes: int


def look(run_id: str, path: Path, entry: Entry | None, now_seconds: float) -> WorkspaceState:
    """Return the state of the workspace at `path`.

    Args:
        run_id: The name of its directory.
        path: Where it is, or would be.
        entry: What the repository knows about it.
        now_seconds: The time, as of `time.time`, from which its age is told.
    """
    there = os.path.lexists(path)
    disk = _walk(path) if there else DiskContent(frozenset(), 0)
    registration = _registration(path, entry, there=there)
    commit = _head(entry) if entry else None
    try:
        work = _work(path, entry, registration, disk)
    except (GitError, OSError) as error:
        # What cannot be read may be anything.
        work = (f"it cannot be looked into: {error}",)
    age_seconds = max(0.0, now_seconds - _made_at(path, entry, now_seconds))
    return WorkspaceState(run_id, path, commit, registration, work, age_seconds, disk.size_bytes)


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


def _work(path: Path, entry: Entry | None, registration: Registration, disk: DiskContent) -> tuple[str, ...]:
    if path.is_symlink():
        return ("it is a symbolic link",)
    if entry is None and os.path.lexists(path / ".git"):
        return ("it belongs to another repository, or this one has lost its record of it",)
    if entry is None:
        return _phrase(disk.files, "file", "in a directory that is no worktree of this repository")
    own_commits = _own_commits(entry)
    if registration is Registration.MISSING:
        return own_commits
    if entry.is_complete:
        return _files_with_work(path, entry, disk) + own_commits
    # Nobody has worked in it yet. What our own killed checkout has left stands in the commit, perhaps cut off.
    return _phrase(disk.files - _committed(entry), "new file") + own_commits


def _files_with_work(path: Path, entry: Entry, disk: DiskContent) -> tuple[str, ...]:
    """Compare disk and index. Files that were deleted are no work: the commit has them."""
    # Without sparse checkout, or git would unmark files that it was told not to look at, and we not find them.
    config = (("core.sparseCheckout", "false"),)
    git = Git(directory=path, git_dir=entry.admin_dir, work_tree=path, config=config).with_filters_off()
    changed, new, ignored = set[bytes](), set[bytes](), set[bytes]()
    for status in status_entries(git, "--ignored=traditional"):
        if status.on_disk:
            {"?": new, "!": ignored}.get(status.kind, changed).add(status.path)
    listed = (line.split(b" ", 1) for line in git.run("ls-files", "-z", "-t").split(b"\0") if line)
    checked_out = {name for tag, name in listed if tag != b"S"}
    # Files that git was told not to look at (`skip-worktree`), and those in a repository inside the workspace.
    named = changed | new | ignored
    inner = tuple(name for name in named if name.endswith(b"/"))
    unseen = {name for name in disk.files - checked_out - named if not name.startswith(inner)}
    return (
        *_phrase(changed, "changed file"),
        *_phrase(new, "new file"),
        *_phrase(ignored, "ignored file"),
        *_phrase(unseen, "file", "that was not checked out"),
    )


def _own_commits(entry: Entry) -> tuple[str, ...]:
    """Tell of commits that vanish with the workspace."""
    head = _head(entry)
    if head is None or head == entry.start:
        return ()
    reached = [entry.start] if entry.start else []
    git = Git(directory=entry.admin_dir, git_dir=entry.admin_dir)
    lost = int(git.line("rev-list", "--count", head, "--not", "--glob=refs/*", *reached))
    return (f"{_count(lost, 'commit')} of its own that no ref reaches ({head})",) if lost else ()


def _head(entry: Entry) -> str | None:
    if entry.start is not None and entry.head == entry.start:
        return entry.start  # as nearly always, and git need not be started
    git = Git(directory=entry.admin_dir, git_dir=entry.admin_dir)
    found = git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return found.stdout.decode("ascii").strip() if found.status == 0 else None


def _committed(entry: Entry) -> frozenset[bytes]:
    head = _head(entry)
    if head is None:
        return frozenset()
    git = Git(directory=entry.admin_dir, git_dir=entry.admin_dir)
    return frozenset(git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", head).split(b"\0"))


def _walk(top: Path) -> DiskContent:
    """List all files, following no symbolic link; a directory that cannot be read counts as a file of its name."""
    files, size_bytes, directories = set[bytes](), 0, [os.fsencode(top)]
    prefix = len(os.fsencode(top)) + 1
    while directories:
        directory = directories.pop()
        try:
            with os.scandir(directory) as found:
                for item in found:
                    if item.is_dir(follow_symlinks=False):
                        directories.append(item.path)
                    elif item.path[prefix:] != b".git":
                        files.add(item.path[prefix:])
                        size_bytes += item.stat(follow_symlinks=False).st_size
        except OSError:
            files.add(directory[prefix:] or b".")
    return DiskContent(frozenset(files), size_bytes)


def _phrase(names: set[bytes] | frozenset[bytes], what: str, where: str = "") -> tuple[str, ...]:
    if not names:
        return ()
    return (f"{_count(len(names), what)}{where and f' {where}'} ({_some(sorted(names))})",)


def _some(names: Sequence[bytes]) -> str:
    named = ", ".join(argument_text(os.fsdecode(name)) for name in names[:_NAMED])
    return f"{named}, …" if len(names) > _NAMED else named


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
