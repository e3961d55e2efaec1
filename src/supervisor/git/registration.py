"""The entries that git keeps for linked worktrees, one folder each below `worktrees/` in the git common directory.

Read from the files that gitrepository-layout(5) documents: `git worktree list` is silent about entries that were left
half made, and before 2.36 ambiguous about odd file names.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from supervisor.errors import SurroundingsError
from supervisor.git.command import Git
from supervisor.git.errors import argument_text

_GITDIR_FILE = "gitdir"
_LOCKED_FILE = "locked"
_START_FILE = "supervisor-commit"  # ours; git leaves files that it does not know alone, and removes them with the entry
INITIALIZING = "initializing"  # what git itself writes as the reason while `worktree add` is at work


@dataclass(frozen=True)
class Entry:
    """One linked worktree as the repository knows it.

    Attributes:
        admin_dir: Its own git directory, `<common>/worktrees/<name>`.
        path: Where it is checked out; None where git was killed before it wrote that down.
        locked: Why it is locked; None where it is not.
    """

    admin_dir: Path
    path: Path | None
    locked: str | None

    @property
    def is_complete(self) -> bool:
        """Whether it was made to the end: the index, git's as well as ours, appears last."""
        return all((self.admin_dir / name).exists() for name in ("HEAD", "commondir", "index"))

    @property
    def head(self) -> str | None:
        """What its HEAD says: the id of a commit, as in every workspace that nobody has touched, or a ref."""
        return _content(self.admin_dir / "HEAD")

    @property
    def start(self) -> str | None:
        """The commit that it was made at, as `record_start` wrote it down."""
        return _content(self.admin_dir / _START_FILE)

    @property
    def has_submodules(self) -> bool:
        """Whether repositories of submodules lie in it; they vanish with it."""
        modules = self.admin_dir / "modules"
        return modules.is_dir() and any(modules.iterdir())

    @property
    def has_hidden_commits(self) -> bool:
        """Whether commits that it alone remembers stand in tables (reftable), which nothing here reads."""
        return (self.admin_dir / "reftable").exists()

    def foreign_lock(self, run_id: str) -> str | None:
        """Return why somebody else than us locked it, perhaps an empty reason; None if nobody did."""
        return None if self.locked in {None, INITIALIZING, lock_reason(run_id)} else self.locked

    def commit(self) -> str | None:
        """Return the commit that HEAD is at; None where it is at none, or cannot be read."""
        if self.start is not None and self.head == self.start:
            return self.start  # as nearly always, and git need not be started
        git = Git(directory=self.admin_dir, git_dir=self.admin_dir)
        found = git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return found.stdout.decode("ascii").strip() if found.status == 0 else None

    def record_start(self, commit: str) -> None:
        """Write down the commit that it is made at: those that are added later are its own."""
        (self.admin_dir / _START_FILE).write_text(f"{commit}\n")


def lock_reason(run_id: str) -> str:
    """Return the reason that the entry of a run's workspace is locked with."""
    return f"supervisor run {run_id}"


def entries(common_dir: Path) -> Iterator[Entry]:
    """Yield all entries; those that vanish meanwhile are left out."""
    try:
        admin_dirs = sorted((common_dir / "worktrees").iterdir())
    except FileNotFoundError:
        return  # git removes the folder with its last entry
    for admin_dir in admin_dirs:
        if admin_dir.is_dir():
            gitdir, locked = _content(admin_dir / _GITDIR_FILE), _content(admin_dir / _LOCKED_FILE)
            # Since git 2.48 it may be relative, to the entry.
            path = Path(os.path.normpath(admin_dir / gitdir)).parent if gitdir else None
            yield Entry(admin_dir, path, locked)


def find(common_dir: Path, path: Path) -> Entry | None:
    """Return the entry for the worktree at `path`, None if it has none."""
    return next((entry for entry in entries(common_dir) if entry.path == path), None)


def require(common_dir: Path, path: Path) -> Entry:
    """Return the entry for the worktree that was just made at `path`.

    Raises:
        SurroundingsError: Git made it and wrote down another path.
    """
    entry = find(common_dir, path)
    if entry is None:
        raise SurroundingsError(f"git made a worktree at {argument_text(str(path))} and keeps no entry under that path")
    return entry


def remove_nameless(common_dir: Path, run_id: str) -> None:
    """Remove what is left of an entry of this run that git was killed in the first moment of making.

    It does not say where it is checked out, so no git command finds it, and being locked it is never pruned. Call it
    under the metadata lock: there, nobody is making one.
    """
    for entry in entries(common_dir):
        left = {file.name for file in entry.admin_dir.iterdir()}
        if entry.path is None and entry.locked == lock_reason(run_id) and left == {_LOCKED_FILE}:
            (entry.admin_dir / _LOCKED_FILE).unlink()
            entry.admin_dir.rmdir()


def _content(path: Path) -> str | None:
    try:
        return os.fsdecode(path.read_bytes().removesuffix(b"\n"))
    except FileNotFoundError:
        return None
