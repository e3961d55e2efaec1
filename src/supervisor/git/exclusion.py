"""Keeping a directory out of `git status` without touching anything that is committed."""

import os
import re
from pathlib import Path

from supervisor.git.metadatalock import metadata_lock
from supervisor.room import needing_room

# See "PATTERN FORMAT" in gitignore(5). A newline cannot be written, so any one character stands for it.
_NEW = "exclude.supervisor-new"
_SPECIAL = re.compile(rb"([\\*?\[])")


def exclude_directory(common_dir: Path, work_tree: Path, directory: Path) -> bool:
    """Add the directory's line to `info/exclude` once; return False if it does not lie inside `work_tree`."""
    top, inside = work_tree.resolve(), directory.resolve()
    if top == inside or not inside.is_relative_to(top):
        return False
    line = pattern_line(os.fsencode(inside.relative_to(top)))
    exclude = (common_dir / "info" / "exclude").resolve()
    if line in _content(exclude).splitlines():
        # Who only looks need not wait for those who change worktrees, and may have been stopped at it.
        return True
    with metadata_lock(common_dir):
        content = _content(exclude)
        if line not in content.splitlines():
            before = content if not content or content.endswith(b"\n") else content + b"\n"
            with needing_room(exclude):
                _replace(exclude, before + line + b"\n")
    return True


def pattern_line(relative: bytes) -> bytes:
    """Return the ignore pattern for exactly this directory, anchored at the top."""
    escaped = _SPECIAL.sub(rb"\\\1", relative).replace(b"\n", b"?").replace(b"\r", b"?")
    return b"/" + escaped + b"/"


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    # The lock keeps others away; what one that was killed has left is in nobody's use.
    temporary = path.with_name(_NEW)
    temporary.unlink(missing_ok=True)
    try:
        temporary.write_bytes(content)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
