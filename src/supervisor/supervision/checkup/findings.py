"""What a check-up finds, and what it may look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from supervisor.artifacts.filesystems import Mount
from supervisor.supervision.place import Place


class Level(StrEnum):
    """How bad it is: with a warning runs work, but not as well as they could."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """What one check says.

    Attributes:
        name: Of what was looked at.
        message: One line.
        hint: What to do about it.
        lines: More, for people.
        facts: The same and more for programs, as JSON has it.
    """

    level: Level
    name: str
    message: str
    hint: str | None = None
    lines: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Surroundings:
    """Where to look.

    Attributes:
        repo: A directory that should be in the repository.
        runs_dir: As given; None for the default.
        database_url: As given; None for files in the runs directory.
        mounts: By which file systems are judged; None for what is mounted on this machine.
        in_repository: Whether the directory is known to be in a repository.
    """

    environment: Mapping[str, str]
    repo: Path
    runs_dir: Path | None
    database_url: str | None
    mounts: Sequence[Mount] | None = None
    in_repository: bool = False

    @cached_property
    def files(self) -> Place:
        """The repository and its runs directory, whatever database is meant.

        Raises:
            UsageError: The directory is in no repository.
        """
        return Place.find(self.repo, self.runs_dir, None)

    @cached_property
    def place(self) -> Place:
        """The same with the database that is meant.

        Raises:
            UsageError: The directory is in no repository, or the URL cannot be used.
        """
        return Place.find(self.repo, self.runs_dir, self.database_url)


def shown_gigabytes(number: int) -> str:
    """Return an amount of memory or disk as people read it."""
    return f"{number / 1e9:.1f} GB"
