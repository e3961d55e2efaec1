"""Folders of one pool, in memory-backed storage and on disk."""

from pathlib import Path

from supervisor.locks.own_folder import OwnFolder, sweep

_PREFIX = "supervisor-pages-"


def make_scratch(parent: Path) -> OwnFolder:
    """Make a folder for a pool.

    Raises:
        OSError: It cannot be made.
    """
    return OwnFolder.make(parent, _PREFIX)


def sweep_scratch(parent: Path) -> None:
    """Remove what killed pools have left, with the memory it holds."""
    sweep(parent, _PREFIX)
