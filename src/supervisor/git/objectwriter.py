"""Objects made of files as they are: no attribute, filter or setting changes what is written."""

import itertools
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from supervisor.git.command import Git
from supervisor.git.contents import DiskContent, quoted
from supervisor.git.errors import GitError

Tree = dict[bytes, tuple[bytes, bytes]]
"""Path to mode and object id."""

_SECONDS = 4 * 3600.0  # what is ignored can be many gigabytes
# Waiting for the disk once is enough, however many objects there are: see `ObjectWriter.point`.
_UNSYNCED = (("core.fsync", "none"),)


class ObjectWriter:
    """Writes blobs, trees and commits of one repository; what it needs for that is in a scratch directory."""

    def __init__(self, common_dir: Path, scratch: Path) -> None:
        self.git = Git(directory=common_dir, git_dir=common_dir, config=_UNSYNCED)
        self._scratch = scratch
        self._numbers = itertools.count()

    def disk(self, disk: DiskContent) -> Tree:
        """Write all files and symbolic links of a directory.

        Raises:
            GitError: One cannot be read, or is not there any more.
        """
        names = list(disk.files)
        blobs = self._blobs([self._to_read(disk, name) for name in names])
        modes = (_mode(disk.files[name].mode) for name in names)
        return dict(zip(names, zip(modes, blobs, strict=True), strict=True))

    def raw(self, files: Mapping[bytes, Path]) -> Tree:
        """Write regular files under other names."""
        blobs = self._blobs(list(files.values()))
        return {name: (b"100644", blob) for name, blob in zip(files, blobs, strict=True)}

    def tree(self, below: Tree, above: Tree) -> str:
        """Write a tree; where one has a file and the other a folder, `above` wins.

        Raises:
            GitError: A name is one that git has in no tree.
        """
        aside = replace(self.git, index_file=self._new_name("index"))
        entries = itertools.chain(below.items(), above.items())
        lines = b"".join(b"%b %b\t%b\0" % (mode, blob, path) for path, (mode, blob) in entries)
        aside.run("update-index", "--replace", "-z", "--index-info", stdin=lines, timeout_seconds=_SECONDS)
        # What was not checked out need not have been fetched: a partial clone would fetch all of it now.
        tree = aside.line("write-tree", "--missing-ok")
        if above.items() - self.read_tree(tree).items():
            raise GitError(("update-index", "--index-info"), 0, "it left out what was to be saved")
        return tree

    def read_tree(self, tree_ish: str) -> Tree:
        """Return what a tree holds, that of a commit, too."""
        found = Tree()
        for line in self.git.run("ls-tree", "-r", "-z", "--full-tree", tree_ish).split(b"\0"):
            if line:
                facts, path = line.split(b"\t", 1)
                mode, _, blob = facts.split(b" ")
                found[path] = (mode, blob)
        return found

    def commit(self, message: str, tree: str, parents: Iterable[str]) -> str:
        """Write a commit."""
        options = [option for parent in parents for option in ("-p", parent)]
        made = self.git.run("commit-tree", "--no-gpg-sign", *options, "-F", "-", tree, stdin=message.encode())
        return made.decode("ascii").strip()

    def point(self, ref: str, commit: str) -> None:
        """Make a ref, and wait until it and all objects are on the disk: whoever saves deletes next.

        Raises:
            GitError: There is such a ref already.
        """
        # First the objects, or a power cut could leave a ref to what is not there.
        os.sync()
        self.git.run("update-ref", ref, commit, "")
        os.sync()

    def empty_blob(self) -> bytes:
        """Write the empty blob and return its id."""
        return self._blobs([self._temporary(b"")])[0]

    def _to_read(self, disk: DiskContent, name: bytes) -> Path:
        path = disk.path(name)
        if not stat.S_ISLNK(disk.files[name].mode):
            return path
        # git would read what it leads to.
        return self._temporary(os.readlink(os.fsencode(path)))  # noqa: PTH115 (Path.readlink tidies what is written)

    def _temporary(self, content: bytes) -> Path:
        path = self._new_name("content")
        path.write_bytes(content)
        return path

    def _new_name(self, what: str) -> Path:
        return self._scratch / f"{what}-{next(self._numbers)}"

    def _blobs(self, paths: Sequence[Path]) -> list[bytes]:
        names = b"".join(quoted(os.fsencode(path)) for path in paths)
        options = ("-w", "--no-filters", "--stdin-paths")
        return self.git.run("hash-object", *options, stdin=names, timeout_seconds=_SECONDS).split() if names else []


def _mode(mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return b"120000"
    return b"100755" if mode & stat.S_IXUSR else b"100644"
