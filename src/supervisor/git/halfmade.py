"""Telling what a killed checkout has left from what somebody has put there since."""

import os
import stat
from pathlib import Path

from supervisor.git.command import Git
from supervisor.git.contents import DiskContent, quoted
from supervisor.git.registration import Entry


def not_from_checkout(path: Path, entry: Entry, disk: DiskContent) -> set[bytes]:
    """Return the files in a worktree without an index that its commit has not, not even cut off."""
    commit = entry.commit()
    if commit is None:
        return set(disk.names)
    git = Git(directory=path, git_dir=entry.admin_dir, work_tree=path).with_filters_off()
    committed = _blobs(git, commit)
    regular = [name for name, file in disk.files.items() if stat.S_ISREG(file.mode) and name in committed]
    written = git.run("hash-object", "--stdin-paths", stdin=b"".join(map(quoted, regular))).split() if regular else []
    whole = {name for name, blob in zip(regular, written, strict=True) if committed[name] == blob}
    return {name for name in disk.names - whole if name not in committed or not _begins(git, disk, name, committed)}


def _blobs(git: Git, commit: str) -> dict[bytes, bytes]:
    """Return the blob of each path of a commit."""
    lines = git.run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")
    facts = (line.split(b"\t", 1) for line in lines if line)
    return {path: fact.split(b" ")[2] for fact, path in facts}


def _begins(git: Git, disk: DiskContent, name: bytes, committed: dict[bytes, bytes]) -> bool:
    path = disk.path(name)
    if name in disk.unreadable:
        return False
    if stat.S_ISLNK(disk.files[name].mode):
        content = os.readlink(os.fsencode(path))  # noqa: PTH115 (Path.readlink tidies what is written)
    elif stat.S_ISREG(disk.files[name].mode):
        content = path.read_bytes()
    else:
        return False
    found = git.attempt("cat-file", "blob", committed[name].decode("ascii"))
    return found.status == 0 and found.stdout.startswith(content)
