"""What the work tree has that HEAD has not."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from supervisor.git.command import Git
from supervisor.git.discovery import Layout
from supervisor.git.tree import pathspecs

Change = Literal["new", "changed", "deleted"]


@dataclass(frozen=True, order=True)
class Uncommitted:
    """A path at which the work tree differs from HEAD."""

    path: bytes
    change: Change


@dataclass(frozen=True)
class StatusEntry:
    """One line of `git status`, reduced to what we ask.

    Attributes:
        path: Relative to the top of the work tree; ends in a slash where it is another repository.
        kind: `1` tracked, `u` in conflict, `?` untracked, `!` ignored.
        in_head: Whether HEAD has the path.
        on_disk: Whether the work tree has it.
        head_blob: The blob in HEAD, where the path is tracked and not in conflict.
        staged: Whether the index has content for it that HEAD has not, or several.
    """

    path: bytes
    kind: str
    in_head: bool
    on_disk: bool
    head_blob: str = ""
    staged: bool = False


def status_entries(git: Git, *arguments: str) -> Iterator[StatusEntry]:
    """Yield what differs between HEAD, index and work tree; submodules are left out.

    See "Porcelain Format Version 2" in git-status(1).
    """
    options = ("--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
    for line in git.run("status", *options, *arguments).split(b"\0"):
        match line[:1]:
            case b"1":
                _, _, submodule, head, index, disk, blob, staged, path = line.split(b" ", 8)
                if not submodule.startswith(b"S"):
                    is_staged = _exists(index) and staged != blob
                    yield StatusEntry(path, "1", _exists(head), _exists(disk), blob.decode("ascii"), is_staged)
            case b"u":
                _, _, submodule, _, ours, _, disk, _, _, _, path = line.split(b" ", 10)
                if not submodule.startswith(b"S"):
                    yield StatusEntry(path, "u", _exists(ours), _exists(disk), staged=True)
            case b"?" | b"!":
                yield StatusEntry(line[2:], line[:1].decode("ascii"), in_head=False, on_disk=True)
            case _:
                continue  # headers, which we did not ask for, and the end


@dataclass(frozen=True)
class WorkTree:
    """A work tree beside its HEAD, for one command: which filters are configured is looked up once.

    Attributes:
        git: In the work tree, with filters off.
        layout: For the format of object ids and the store of Git LFS.
    """

    git: Git
    layout: Layout

    def uncommitted(self, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[Uncommitted]:
        """Return what matches and differs, sorted by path.

        Args:
            patterns: Document patterns; without any, nothing matches.
            exclude: Patterns of what is left out.
        """
        specs = pathspecs(patterns, exclude)
        if not patterns:
            return []
        heads: dict[bytes, StatusEntry] = {}
        on_disk: dict[bytes, bool] = {}
        for entry in status_entries(self.git, "--", *specs):
            # A path removed from the index and still on disk comes twice: as deleted and as untracked.
            on_disk[entry.path] = on_disk.get(entry.path, False) or entry.on_disk
            if entry.in_head:
                heads[entry.path] = entry
        uses_lfs = "lfs" in self.git.filter_drivers or self.layout.lfs_objects_dir.is_dir()
        found = []
        for path, is_there in on_disk.items():
            head = heads.get(path)
            if path.endswith(b"/") or not (head or is_there):
                continue
            if head and is_there and uses_lfs and self._is_fetched_lfs_file(head):
                continue
            found.append(Uncommitted(path, "deleted" if not is_there else "changed" if head else "new"))
        return sorted(found)

    def _is_fetched_lfs_file(self, entry: StatusEntry) -> bool:
        """Tell whether HEAD has a Git LFS pointer to exactly what is on disk: with filters off git sees a change."""
        path = self.git.directory / os.fsdecode(entry.path)
        if not entry.head_blob or not stat.S_ISREG(path.lstat().st_mode):
            return False
        with path.open("rb") as file:
            content_sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size_bytes = file.tell()
        # The one spelling that the specification allows, so its blob id can be computed instead of read.
        pointer = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{content_sha256}\nsize {size_bytes}\n".encode()
        )
        blob = hashlib.new(self.layout.object_format, f"blob {len(pointer)}\0".encode() + pointer)
        return blob.hexdigest() == entry.head_blob


def open_work_tree(directory: Path, layout: Layout) -> WorkTree:
    """Return the work tree at `directory`."""
    return WorkTree(Git(directory=directory).with_filters_off(), layout)


def _exists(mode: bytes) -> bool:
    return int(mode, 8) != 0
