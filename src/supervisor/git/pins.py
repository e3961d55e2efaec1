"""Refs that keep a run's commit, and nothing else, from being collected as garbage."""

from supervisor.git.command import Git

_PINS = "refs/supervisor/runs/"


def pin(git: Git, run_id: str, commit: str) -> None:
    """Point the run's ref at `commit`."""
    git.run("update-ref", f"{_PINS}{run_id}", commit)


def unpin(git: Git, run_id: str) -> None:
    """Delete the run's ref, if it is there."""
    git.run("update-ref", "-d", f"{_PINS}{run_id}")


def pinned(git: Git) -> dict[str, str]:
    """Return the commit of each run's ref."""
    lines = git.run("for-each-ref", "--format=%(objectname) %(refname)", _PINS).decode().splitlines()
    pairs = (line.split(" ", 1) for line in lines)
    return {refname.removeprefix(_PINS): commit for commit, refname in pairs}
