"""What a commit holds: its files by pattern or folder, and their content."""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from supervisor.git.command import Git
from supervisor.git.errors import PatternError, argument_text

_GITLINK = 0o160000


@dataclass(frozen=True, order=True)
class TreeFile:
    """A file or symbolic link in a commit. `path` is relative to the top; `mode` as git writes it (0o100644)."""

    path: bytes
    mode: int
    blob_sha: str

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


def pathspecs(patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[str]:
    """Return git's form of document patterns; what follows the prefix is literal but for `*`, `?`, `[` and `**`.

    Raises:
        PatternError: A pattern is empty (git would take it for everything) or leads out of the repository.
    """
    for pattern in (*patterns, *exclude):
        parts = pattern.split("/")
        if not pattern or "\0" in pattern or parts[0] == "" or ".." in parts:
            raise PatternError(
                f"the pattern {argument_text(pattern)!r} matches nothing inside the repository",
                hint="write it relative to the top of the repository, for example scans/**/*.tiff",
            )
    return [f":(top,glob,icase){pattern}" for pattern in patterns] + [
        f":(top,exclude,glob,icase){pattern}" for pattern in exclude
    ]


def matching(
    git: Git, object_format: str, commit: str, patterns: Sequence[str], exclude: Sequence[str]
) -> list[TreeFile]:
    """Return the files of `commit` that match, sorted by path.

    `git ls-tree` refuses pattern magic, so the commit is compared with the empty tree, which exists without being
    stored. No setting of the user's changes raw output that is asked for in this way.
    """
    specs = pathspecs(patterns, exclude)
    if not patterns:
        return []  # exclusions alone would match all that is left
    options = ("-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--ignore-submodules=none")
    empty_tree = hashlib.new(object_format, b"tree 0\0").hexdigest()
    fields = git.run("diff-tree", *options, empty_tree, commit, "--", *specs).split(b"\0")
    # ":000000 100644 <zeros> <blob> A" NUL path NUL
    pairs = zip(fields[:-1:2], fields[1::2], strict=True)
    files = (_tree_file(facts.split(b" ")[1], facts.split(b" ")[3], path) for facts, path in pairs)
    return sorted(file for file in files if file.mode != _GITLINK)


def below(git: Git, commit: str, directory: str) -> list[TreeFile]:
    """Return the files of `commit` below a folder, which is named literally."""
    folder = directory.strip("/")
    return sorted(file for file in _listed(git, commit, f"{folder}/", "-r") if file.mode != _GITLINK)


def entry(git: Git, commit: str, path: bytes) -> TreeFile | None:
    """Return the file or symbolic link at exactly this path, None if there is none."""
    listed = _listed(git, commit, os.fsdecode(path)) if path and not path.endswith(b"/") else []
    return next((file for file in listed if file.path == path and (stat.S_ISREG(file.mode) or file.is_link)), None)


def read(git: Git, commit: str, path: str) -> bytes | None:
    """Return the content of the regular file at `path`, None if there is none."""
    file = entry(git, commit, os.fsencode(path))
    return None if file is None or file.is_link else git.run("cat-file", "blob", file.blob_sha)


def _listed(git: Git, commit: str, path: str, *options: str) -> list[TreeFile]:
    # Without literal pathspecs, ls-tree refuses names that begin with a colon.
    literal = {"GIT_LITERAL_PATHSPECS": "1"}
    listed = git.run("ls-tree", "-z", "--full-tree", *options, commit, "--", path, environment=literal)
    entries = (entry.split(b"\t", 1) for entry in listed.split(b"\0") if entry)
    return [_tree_file(facts.split(b" ")[0], facts.split(b" ")[2], path) for facts, path in entries]


def _tree_file(mode: bytes, blob: bytes, path: bytes) -> TreeFile:
    return TreeFile(path, int(mode, 8), blob.decode("ascii"))
