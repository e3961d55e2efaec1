"""The files of a workspace, as the disk has them."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_GIT = b".git"
# What Windows would open as `.git` is in no index, wherever that is made: is_ntfs_dotgit() in git's path.c.
_AS_GOOD_AS_GIT = re.compile(rb"(?:^|\\)(?:\.git|git~1)[ .]*(?:[:\\]|$)", re.IGNORECASE)


class FileFacts(NamedTuple):
    """What changes when a file does."""

    mode: int
    size_bytes: int
    inode: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True)
class DiskContent:
    """What is in a directory, `.git` at its top left out; names are relative to it. Equal if nothing has changed.

    Attributes:
        files: All that is no directory; symbolic links are not followed.
        unreadable: Directories that cannot be listed, and may hold anything.
        repositories: Where other repositories begin.
        mounts: Where other file systems begin.
    """

    top: Path
    files: Mapping[bytes, FileFacts]
    unreadable: frozenset[bytes]
    repositories: frozenset[bytes]
    mounts: frozenset[bytes]

    @property
    def names(self) -> frozenset[bytes]:
        """What is there; a directory that cannot be listed counts as a file of its name."""
        return frozenset(self.files) | self.unreadable

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files.values())

    def path(self, name: bytes) -> Path:
        """Return where a file is."""
        return self.top / os.fsdecode(name)

    def obstacles(self) -> Iterator[tuple[str, bytes]]:
        """Yield what no commit can hold: why, and the name."""
        yield from (("a repository of its own", name) for name in sorted(self.repositories))
        yield from (("another file system", name) for name in sorted(self.mounts))
        yield from (("a folder that cannot be read", name) for name in sorted(self.unreadable))
        for name, file in sorted(self.files.items()):
            base = name.rpartition(b"/")[2].lower()
            if any(part.lower() != _GIT and _AS_GOOD_AS_GIT.search(part) for part in name.split(b"/")):
                yield "a name that git takes for its own", name
            if stat.S_ISLNK(file.mode):
                if base == b".gitmodules":
                    yield "a link that git takes for its own", name
            elif not stat.S_ISREG(file.mode):
                yield "neither a file nor a link", name
            elif not os.access(self.path(name), os.R_OK):
                yield "a file that cannot be read", name


def look_at(top: Path) -> DiskContent:
    """Return what is in a directory; nothing where it is missing."""
    files: dict[bytes, FileFacts] = {}
    unreadable, repositories, mounts = set[bytes](), set[bytes](), set[bytes]()
    prefix = len(os.fsencode(top)) + 1
    device, directories = 0, list[bytes]()
    with suppress(FileNotFoundError):
        device = top.lstat().st_dev
        directories.append(os.fsencode(top))
    while directories:
        directory = directories.pop()
        try:
            with os.scandir(directory) as found:
                for item in found:
                    name, facts = item.path[prefix:], item.stat(follow_symlinks=False)
                    if item.name.lower() == _GIT and (name != item.name or item.name != _GIT):
                        repositories.add(directory[prefix:] or b".")
                    if stat.S_ISDIR(facts.st_mode):
                        directories.append(item.path)
                        if facts.st_dev != device:
                            mounts.add(name)
                    elif name != _GIT:
                        times = (facts.st_mtime_ns, facts.st_ctime_ns)
                        files[name] = FileFacts(facts.st_mode, facts.st_size, facts.st_ino, *times)
        except OSError:
            unreadable.add(directory[prefix:] or b".")
    return DiskContent(top, files, frozenset(unreadable), frozenset(repositories), frozenset(mounts))


def quoted(path: bytes) -> bytes:
    """Return a line with a path that `git hash-object --stdin-paths` takes as it is, whatever is in it."""
    return b'"%b"\n' % b"".join(b"\\%03o" % byte if byte < 32 or byte in b'"\\' else b"%c" % byte for byte in path)
