"""A repository as a run sees it: where it is, what its commits hold, what is not committed yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.git import changes, discovery, pins, refs, snapshots, trash, tree
from supervisor.git.changes import Uncommitted, WorkTree
from supervisor.git.command import Git
from supervisor.git.discovery import Layout
from supervisor.git.errors import NoWorkTreeError
from supervisor.git.exclusion import exclude_directory
from supervisor.git.trash import Saved
from supervisor.git.tree import TreeFile


@dataclass(frozen=True)
class Repository:
    """One git repository, seen from the work tree (or bare directory) in which a command was typed.

    Holds paths only: it can be pickled, shared between threads, and kept while the repository changes.
    """

    layout: Layout

    @classmethod
    def discover(cls, path: Path) -> "Repository":
        """Find the repository that `path` lies in: a sub-directory, linked worktree, bare repository, shallow clone.

        Raises:
            NotARepositoryError: There is none.
            NoCommitError: It has no commit.
            UntrustedRepositoryError: It belongs to somebody else, and git refuses it.
            GitMissingError: There is no git, or it is too old.
            GitError: The repository is damaged.
        """
        return cls(discovery.find(path))

    @property
    def common_dir(self) -> Path:
        """The git directory that all worktrees share."""
        return self.layout.common_dir

    @property
    def main_work_tree(self) -> Path | None:
        """The work tree that the repository was made with; None where it is bare, or where git does not know it."""
        return self.layout.main_work_tree

    @property
    def work_tree(self) -> Path | None:
        """The work tree we were called from; None in a bare repository or inside a git directory."""
        return self.layout.work_tree

    @property
    def is_bare(self) -> bool:
        """Whether the repository has no work tree of its own, even if called from a linked one."""
        return self.layout.is_bare

    @property
    def is_shallow(self) -> bool:
        """Whether history was cut off, as CI does."""
        return self.layout.is_shallow

    @property
    def lfs_objects_dir(self) -> Path:
        """Where Git LFS keeps what it fetched; may not exist."""
        return self.layout.lfs_objects_dir

    @property
    def git(self) -> Git:
        """Git for commits, refs and worktree entries; its HEAD is that of the work tree we were called from."""
        return self.layout.git

    def resolve(self, ref: str) -> str:
        """Return the id of the commit that `ref` names: as given, then under `origin/`.

        Raises:
            UnknownRefError: It names none, or several.
        """
        return refs.resolve(self.git, ref, is_shallow=self.is_shallow)

    def identity(self, commit: str) -> str | None:
        """Return the id of the first commit that `commit` goes back to; None in a shallow clone, which lacks it."""
        return None if self.is_shallow else refs.first_commit(self.git, commit)

    def files(self, commit: str, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[TreeFile]:
        """Return the files and symbolic links of `commit` that match a pattern and no exclusion, sorted by path.

        Raises:
            PatternError: A pattern is empty or leads out of the repository.
        """
        return tree.matching(self.git, self.layout.object_format, commit, patterns, exclude)

    def list_files(self, commit: str, directory: str) -> list[TreeFile]:
        """Return all files and symbolic links of `commit` below `directory`, sorted by path."""
        return tree.below(self.git, commit, directory)

    def entry(self, commit: str, path: bytes) -> TreeFile | None:
        """Return the file or symbolic link of `commit` at exactly this path; None if there is none."""
        return tree.entry(self.git, commit, path)

    def read(self, commit: str, path: str) -> bytes | None:
        """Return the content of the file at `path`; None where there is none, or a folder, link or submodule."""
        return tree.read(self.git, commit, path)

    def content(self, blob_sha: str) -> bytes:
        """Return what a committed file holds; of a symbolic link, where it points, as it was written."""
        return self.git.run("cat-file", "blob", blob_sha)

    def open_work_tree(self) -> WorkTree | None:
        """Return the work tree as one command looks at it; None where the repository is bare."""
        directory = self.work_tree or self.main_work_tree
        return None if directory is None else changes.open_work_tree(directory, self.layout)

    def uncommitted(self, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[Uncommitted]:
        """Return what matches in the work tree and differs from HEAD, ignored files apart; nothing where it is bare."""
        work_tree = self.open_work_tree()
        return [] if work_tree is None else work_tree.uncommitted(patterns, exclude)

    def snapshot(self, patterns: Sequence[str], always: Sequence[str]) -> str:
        """Return a commit of the matching files as they are in the work tree now; all others are as in HEAD.

        Touches neither index nor branch. The same files on the same HEAD give the same commit; HEAD itself where
        nothing differs. No ref keeps the commit: pin it.

        Args:
            patterns: Documents.
            always: What belongs to every run, such as job files; patterns as well.

        Raises:
            NoWorkTreeError: The repository is bare.
        """
        work_tree = self.open_work_tree()
        if work_tree is None:
            raise NoWorkTreeError(
                "a bare repository has no working tree to take files from", hint="leave out --working-tree"
            )
        return snapshots.take(work_tree.git, work_tree.uncommitted([*patterns, *always]))

    def pin(self, commits: Mapping[str, str]) -> None:
        """Keep commits from being collected as garbage, each under the id of its run; all of them or none."""
        pins.pin(self.git, commits)

    def unpin(self, run_id: str) -> None:
        """Give the commit of a run free; nothing happens where it is not pinned."""
        pins.unpin(self.git, run_id)

    def pinned(self) -> dict[str, str]:
        """Return the pinned commit of each run id."""
        return pins.pinned(self.git)

    def saved_workspaces(self) -> list[Saved]:
        """Return the workspaces that were saved before they were removed, by run id and time."""
        return trash.saved(self.git)

    def drop_saved(self, ref: str, commit: str) -> None:
        """Give free what was saved, if the ref still is at that commit.

        Raises:
            GitError: It is not.
        """
        trash.drop(self.git, ref, commit)

    def exclude_from_status(self, directory: Path) -> None:
        """Keep a directory inside a work tree out of `git status`, by a line in `info/exclude`; elsewhere do nothing.

        Raises:
            MetadataHeldError: The lock for the repository's metadata did not become free.
        """
        for work_tree in (self.main_work_tree, self.work_tree):
            if work_tree is not None and exclude_directory(self.common_dir, work_tree, directory):
                return
