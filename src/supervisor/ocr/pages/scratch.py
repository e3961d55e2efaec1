"""Folders of one pool, in memory-backed storage and on disk."""

from contextlib import suppress
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
    """Remove what killed pools have left, with the memory it holds, and the folder that they had it in.

    Never what a pool at work has there: another container that shares the memory can go by the same names.
    """
    sweep(parent, _PREFIX)
    # If somebody is at work there, it is not empty.
    with suppress(OSError):
        parent.rmdir()
