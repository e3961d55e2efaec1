"""The one lock under which this program changes what a repository's worktrees share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout, UnixFileLock

from supervisor.errors import SurroundingsError
from supervisor.git.errors import MetadataHeldError, argument_text
from supervisor.room import lack_of_room

_NAME = "supervisor-metadata.lock"
_TIMEOUT_SECONDS = 120.0
_POLL_SECONDS = 0.005  # what happens under the lock takes a few of these


@contextmanager
def metadata_lock(common_dir: Path) -> Iterator[None]:
    """Hold the lock. 24 concurrent `git worktree add` without it failed 17 times in 600.

    Not reentrant. The file stays where it is: unlinking it would let two processes hold it at once.

    Raises:
        MetadataHeldError: It did not become free.
        SurroundingsError: It cannot be written, or its file system knows no kernel locks.
    """
    path = common_dir / _NAME
    lock = UnixFileLock(path, timeout=_TIMEOUT_SECONDS, poll_interval=_POLL_SECONDS, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise MetadataHeldError(
            f"another process has held {argument_text(str(path))} for {_TIMEOUT_SECONDS:g} seconds",
            hint=f"find it with: fuser {path}",
        ) from error
    except (OSError, NotImplementedError) as error:
        lack = lack_of_room(error, path)
        if lack is not None:
            raise lack from error
        raise SurroundingsError(f"cannot lock {argument_text(str(path))}: {error}") from error
    try:
        yield
    finally:
        lock.release()
