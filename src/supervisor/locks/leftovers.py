"""Records of locks whose holders were killed: they say nothing any more, and are removed."""

from collections.abc import Iterator
from pathlib import Path

from supervisor.locks.descriptor import is_locked
from supervisor.locks.lease import LEASES_DIR
from supervisor.locks.lockfile import LockFile, LockKind
from supervisor.locks.runlock import LOCKS_DIR

_HALF_WRITTEN = ".tmp"


def sweep_records(runs_dir: Path) -> None:
    """Remove the records, whole or half written, of run locks and workspace leases that nobody holds.

    Raises:
        SurroundingsError: A lock file or a record cannot be used.
    """
    for file in (*_recorded(runs_dir / LOCKS_DIR, "run"), *_recorded(runs_dir / LEASES_DIR, "workspace")):
        # Asked first, since taking would wait.
        if not is_locked(file.path):
            file.clear()


def _recorded(folder: Path, kind: LockKind) -> Iterator[LockFile]:
    records = {path.name.removesuffix(_HALF_WRITTEN) for path in folder.glob("*.json*")}
    for record in sorted(name for name in records if name.endswith(".json")):
        name = record.removesuffix(".json")
        yield LockFile(kind, name, folder / f"{name}.lock")
