"""Refs that keep a run's commit, and nothing else, from being collected as garbage."""

from collections.abc import Mapping

from supervisor.git.command import Git

_PINS = "refs/supervisor/runs/"


def pin(git: Git, commits: Mapping[str, str]) -> None:
    """Point the ref of each run at its commit."""
    lines = "".join(f"update {_PINS}{run_id} {commit}\n" for run_id, commit in commits.items())
    git.run("update-ref", "--stdin", stdin=lines.encode())


def unpin(git: Git, run_id: str) -> None:
    """Delete the run's ref, if it is there."""
    git.run("update-ref", "-d", f"{_PINS}{run_id}")


def pinned(git: Git) -> dict[str, str]:
    """Return the commit of each run's ref."""
    lines = git.run("for-each-ref", "--format=%(objectname) %(refname)", _PINS).decode().splitlines()
    pairs = (line.split(" ", 1) for line in lines)
    return {refname.removeprefix(_PINS): commit for commit, refname in pairs}
