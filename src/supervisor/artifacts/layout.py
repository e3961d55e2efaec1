"""The runs directory: which file of which run lies where."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_OWNER_DIGITS = 16
MEMORY_BACKED = Path("/dev/shm")  # noqa: S108 (see private_directory)

_IN_RUN = frozenset({"run.json", "output", "logs", "trace.jsonl", "ci", ".staging", ".scratch"})
_COMMON = frozenset({"workspaces", ".workspace_leases", ".locks", ".supervisors"})
_OF_SQLITE = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class RunDirectory:
    """What one run keeps in the runs directory."""

    root: Path

    @property
    def run_id(self) -> str:
        """The run id, which names the directory."""
        return self.root.name

    @property
    def database(self) -> Path:
        """Documents and pages, where no Postgres is used."""
        return self.root / f"{self.run_id}.db"

    @property
    def manifest(self) -> Path:
        """What the latest attempt was and made."""
        return self.root / "run.json"

    @property
    def output(self) -> Path:
        """The published texts, under the paths of their documents."""
        return self.root / "output"

    @property
    def log(self) -> Path:
        """What the executor printed."""
        return self.root / "logs" / "executor.log"

    @property
    def trace(self) -> Path:
        """One event a line, all terms of the latest attempt."""
        return self.root / "trace.jsonl"

    def is_ours(self, name: str) -> bool:
        """Tell whether we make something of that name in the directory."""
        ours = {*_IN_RUN, *(f"{self.database.name}{suffix}" for suffix in _OF_SQLITE)}
        return name in ours or name.startswith(f".{self.manifest.name}.")

    def staging(self, lease_term: int) -> Path:
        """Where the holder of a lease term writes before its results are published."""
        return self.root / ".staging" / str(lease_term)


@dataclass(frozen=True)
class RunsDirectory:
    """The directory that a supervisor keeps everything in."""

    root: Path

    @property
    def control_database(self) -> Path:
        """Sessions, runs, workers and events, where no Postgres is used."""
        return self.root / "control.db"

    @property
    def log(self) -> Path:
        """What the supervisors tell of their work. No run id begins with a full stop."""
        return self.root / ".supervisors" / "supervisor.log"

    def is_common(self, name: str) -> bool:
        """Tell whether we keep something of that name in the directory that is no run's own."""
        return name in _COMMON or name in {f"{self.control_database.name}{suffix}" for suffix in _OF_SQLITE}

    def run(self, run_id: str) -> RunDirectory:
        """Return the directory of a run, whether or not it exists."""
        return RunDirectory(self.root / run_id)

    def scratch(self, run_id: str) -> Path:
        """Return where a run's prepared pages lie while they are recognised: in memory where the system offers it.

        The same for every process, so that whoever takes over a run removes what its predecessor left there.
        """
        base = machine_state()
        if base is None:
            return self.spill(run_id)
        owner = hashlib.sha256(os.fsencode(self.root.absolute())).hexdigest()[:_OWNER_DIGITS]
        return base / f"{owner}-{run_id}"

    def spill(self, run_id: str) -> Path:
        """Return where prepared pages go that memory has no room for."""
        return self.root / run_id / ".scratch"


def scratch_folders() -> Iterator[Path]:
    """Yield where runs of this user have prepared pages in memory, or had them, of whatever runs directory."""
    base = machine_state()
    if base is not None:
        yield from base.glob(f"{'[0-9a-f]' * _OWNER_DIGITS}-*")


def machine_state() -> Path | None:
    """Return a directory in memory that all programs of this user on this machine share; None where there is none."""
    return private_directory(MEMORY_BACKED / f"supervisor-{os.getuid()}")


def private_directory(path: Path) -> Path | None:
    """Make a directory that nobody else can enter; None where it cannot be, or is not ours alone.

    Its parent may be open to everybody, and its name known: another user could have made it first.
    """
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return path if ours else None
