"""Finding a repository and telling apart why there is none."""

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from supervisor.git.command import Git
from supervisor.git.errors import (
    GitError,
    NoCommitError,
    NotARepositoryError,
    UntrustedRepositoryError,
    argument_text,
    last_complaint,
)

_TRUST_ALL = (("safe.directory", "*"), ("safe.bareRepository", "all"))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the parts of a repository are; all paths absolute."""

    common_dir: Path
    git_dir: Path
    main_work_tree: Path | None
    work_tree: Path | None
    is_bare: bool
    is_shallow: bool
    object_format: str

    @property
    def git(self) -> Git:
        """Git for commits, refs and worktree entries; naming the git directory, it depends on no work tree."""
        return Git(directory=self.git_dir, git_dir=self.git_dir)

    @property
    def lfs_objects_dir(self) -> Path:
        """Where Git LFS keeps what it fetched."""
        return self.common_dir / "lfs" / "objects"


def find(path: Path) -> Layout:
    """Find the repository that `path` lies in; `Repository.discover` says what it raises."""
    path = path.absolute()
    if not path.is_dir():
        raise NotARepositoryError(
            f"{argument_text(str(path))} is not a directory",
            hint="name a directory inside a git repository with --repo",
        )
    here = Git(directory=path)
    facts = ("--is-inside-work-tree", "--is-shallow-repository", "--show-object-format")
    found = here.attempt("rev-parse", *facts, "--absolute-git-dir")
    if found.status != 0:
        raise _refusal(here, found.stderr)
    # The path comes last: it may have more than one line.
    inside_work_tree, is_shallow, object_format, directory = _text(found.stdout).split("\n", len(facts))
    git_dir = Path(directory)
    # See gitrepository-layout(5): only linked worktrees have that file.
    is_linked = (git_dir / "commondir").exists()
    common_dir = Path(here.line("rev-parse", "--path-format=absolute", "--git-common-dir")) if is_linked else git_dir
    work_tree = Path(here.line("rev-parse", "--show-toplevel")) if inside_work_tree == "true" else None
    common = Git(directory=common_dir, git_dir=common_dir)
    has_its_own = work_tree is not None and not is_linked
    is_bare = not has_its_own and common.line("rev-parse", "--is-bare-repository") == "true"
    layout = Layout(
        common_dir=common_dir,
        git_dir=git_dir,
        main_work_tree=None if is_bare else _main_work_tree(common, None if is_linked else work_tree),
        work_tree=work_tree,
        is_bare=is_bare,
        is_shallow=is_shallow == "true",
        object_format=object_format,
    )
    _require_commit(layout)
    return layout


def _text(line: bytes) -> str:
    return os.fsdecode(line.removesuffix(b"\n"))


def _main_work_tree(common: Git, called_from: Path | None) -> Path | None:
    if called_from is not None:
        return called_from
    configured = common.attempt("config", "--null", "--get", "core.worktree", expect=(0, 1))
    if configured.status == 0:
        return Path(os.path.normpath(common.directory / os.fsdecode(configured.stdout.removesuffix(b"\0"))))
    # A git directory that was put elsewhere (`git init --separate-git-dir`) does not know its work tree.
    return common.directory.parent if common.directory.name == ".git" else None


def _refusal(here: Git, stderr: str) -> Exception:
    """Return the error for a directory in which git finds no repository, one it distrusts, or a damaged one."""
    shown = argument_text(str(here.directory))
    trusting = replace(here, config=_TRUST_ALL).attempt("rev-parse", "--absolute-git-dir")
    if trusting.status == 0:
        top = replace(here, config=_TRUST_ALL).attempt("rev-parse", "--show-toplevel")
        trusted = _text(top.stdout if top.status == 0 else trusting.stdout)
        return UntrustedRepositoryError(
            f"git refuses to work in {shown}: {last_complaint(stderr)}",
            hint=f"if you trust it, type: git config --global --add safe.directory {shlex.quote(trusted)}",
        )
    if any(
        (parent / ".git").exists() or (parent / "objects").is_dir()
        for parent in (here.directory, *here.directory.parents)
    ):
        return GitError(("rev-parse", "--absolute-git-dir"), 128, stderr)
    return NotARepositoryError(
        f"{shown} is not in a git repository", hint="go to one, name one with --repo PATH, or make one with: git init"
    )


def _require_commit(layout: Layout) -> None:
    if layout.git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}").status == 0:
        return
    # HEAD may name a branch that does not exist, while others do: a ref can still be asked for.
    if not layout.git.run("rev-list", "--max-count=1", "--all"):
        raise NoCommitError(
            f"the repository {argument_text(str(layout.work_tree or layout.git_dir))} has no commit yet",
            hint='make one with: git add -A && git commit -m "Add documents"',
        )
