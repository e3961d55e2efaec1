"""Filling a new worktree with the wanted files only, without a setting in any configuration.

Measured in a repository of 20,000 files, 100 of them wanted: 50 ms, the same as `read-tree -mu` with sparse-checkout
patterns. For 1,000 exact patterns that takes twice as long, and it grows with the product of patterns and files, while
marking the unwanted files one by one does not.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from supervisor.git.command import Git

# A ref that only this worktree has. It tells later which commits are its own, and keeps this one from being collected.
_STARTED_FROM = "refs/worktree/supervisor/commit"


def fill(path: Path, admin_dir: Path, commit: str, wanted: Sequence[bytes]) -> None:
    """Check out `wanted`, exactly these paths of `commit`, in the empty worktree at `path`; all others count as there.

    The index appears under its name last: a worktree without one was not finished.
    """
    # git copies the main work tree's own settings, its sparse-checkout perhaps among them.
    (admin_dir / "config.worktree").unlink(missing_ok=True)
    here = Git(directory=path, git_dir=admin_dir, work_tree=path, config=(("core.sparseCheckout", "false"),))
    here.run("update-ref", _STARTED_FROM, commit)
    unfinished = admin_dir / "index.unfinished"
    git = replace(here, index_file=unfinished).with_filters_off()
    git.run("read-tree", commit)
    keep = set(wanted)
    rest = [name for name in git.run("ls-files", "-z").split(b"\0") if name and name not in keep]
    git.run("update-index", "-z", "--skip-worktree", "--stdin", stdin=_null_ended(rest))
    git.run("checkout-index", "-u", "-z", "--stdin", stdin=_null_ended(sorted(keep)))
    os.replace(unfinished, admin_dir / "index")  # noqa: PTH105 (the pair of Path.rename and .replace hides what counts)


def _null_ended(names: Sequence[bytes]) -> bytes:
    return b"".join(name + b"\0" for name in names)
