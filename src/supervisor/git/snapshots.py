"""Commits of a work tree as it is, made beside the user's index and branches."""

from collections.abc import Sequence
from dataclasses import replace

from supervisor.git.changes import Uncommitted
from supervisor.git.command import Git
from supervisor.locks.own_folder import temporary_folder

_MESSAGE = b"Working tree of a supervised run\n"


def take(git: Git, changes: Sequence[Uncommitted]) -> str:
    """Return a commit that is HEAD with `changes` applied; HEAD itself where they change nothing.

    Args:
        git: In the work tree, with filters off, so that what is on disk is what is committed.
        changes: Paths to take from the work tree; deleted ones vanish.
    """
    head, head_tree, head_time = git.line(
        "show", "--no-patch", "--no-show-signature", "--format=%H %T %ct", "HEAD"
    ).split()
    if not changes:
        return head
    with temporary_folder("index") as own:
        aside = replace(git, index_file=own.path / "index")
        aside.run("read-tree", "HEAD")
        # --replace: a folder may stand where HEAD has a file, or the reverse.
        paths = b"".join(change.path + b"\0" for change in changes)
        aside.run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=paths)
        tree = aside.line("write-tree")
    if tree == head_tree:
        return head
    # HEAD's own time makes the commit depend on nothing but content: the same files are the same run.
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{head_time} +0000")
    made = git.run("commit-tree", "--no-gpg-sign", "-p", head, "-F", "-", tree, stdin=_MESSAGE, environment=dates)
    return made.decode("ascii").strip()
