"""Commits that vanish with a worktree: no ref reaches them, and what remembers them is its own git directory."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from supervisor.git.command import Git
from supervisor.git.registration import Entry

_ID = re.compile(rb"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
# What was fetched can be fetched again; the index and submodules are looked at elsewhere.
_NO_MEMORY = frozenset({"FETCH_HEAD", "index", "index.unfinished", "modules"})
_OPERATIONS = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "sequencer": "a sequence of commits",
    "BISECT_LOG": "a bisection",
}


@dataclass(frozen=True)
class OwnCommits:
    """Commits that no ref reaches.

    Attributes:
        tips: From which all of them are reached.
    """

    count: int
    tips: tuple[str, ...]


def own_commits(entry: Entry, common_dir: Path) -> OwnCommits:
    """Return the commits that a worktree alone remembers: as its HEAD, in its reflog, in what is half done in it.

    The commit that it was made at is none of them, nor what that goes back to.
    """
    remembered = {name for file in notes(entry) for name in _ids(file)}
    if entry.start:
        remembered.discard(entry.start)
    if not remembered:
        return OwnCommits(0, ())  # as nearly always, and git need not be started
    # Asked outside the worktree: refs that are the worktree's own vanish with it.
    git = Git(directory=common_dir, git_dir=common_dir)
    starts = "\n".join([*sorted(remembered), *([f"^{entry.start}"] if entry.start else [])]) + "\n"
    options = ("--parents", "--ignore-missing", "--stdin", "--not", "--glob=refs/*")
    listed = git.run("rev-list", *options, stdin=starts.encode()).decode("ascii")
    commits = [line.split() for line in listed.splitlines()]
    inner = {parent for _, *parents in commits for parent in parents}
    return OwnCommits(len(commits), tuple(commit for commit, *_ in commits if commit not in inner))


def half_done(entry: Entry) -> str | None:
    """Return which operation of git was begun in a worktree and not ended, as in "a rebase"."""
    return next((what for name, what in _OPERATIONS.items() if (entry.admin_dir / name).exists()), None)


def notes(entry: Entry) -> Iterator[Path]:
    """Yield the files in a worktree's own git directory that can remember commits, or what is half done."""
    for directory, folders, files in os.walk(entry.admin_dir):
        folders[:] = [name for name in folders if name not in _NO_MEMORY]
        for name in files:
            path = Path(directory, name)
            if name not in _NO_MEMORY and path.is_file() and not path.is_symlink():
                yield path


def _ids(file: Path) -> Iterator[str]:
    """Yield what looks like the id of an object; git ignores what is none."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return  # a lock file of git's, perhaps
    for found in _ID.finditer(content):
        if set(found[0]) != {ord("0")}:
            yield found[0].decode("ascii")
