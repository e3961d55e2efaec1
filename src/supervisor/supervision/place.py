"""What a command that executes nothing looks at: the repository, its runs directory, its databases."""

import os
from dataclasses import dataclass
from pathlib import Path

from supervisor.artifacts.layout import RunsDirectory
from supervisor.config import runs_directory
from supervisor.git.repository import Repository
from supervisor.store.databases import Databases
from supervisor.store.engine import parse_url
from supervisor.supervision.opening import databases_for


@dataclass(frozen=True)
class Place:
    """Where runs are kept, and on record."""

    repository: Repository
    runs_directory: RunsDirectory
    databases: Databases

    @classmethod
    def find(cls, repo: Path, runs_dir: Path | None, database_url: str | None) -> "Place":
        """Find it; nothing is created.

        Args:
            repo: A directory in the repository.
            runs_dir: Where runs are kept; see `config.runs_directory` for the default.
            database_url: Of the database that supervisors share; None for files in the runs directory.

        Raises:
            UsageError: The directory is in no repository, or the URL cannot be used.
        """
        repository = Repository.discover(repo)
        root = runs_directory(
            runs_dir, os.environ, main_work_tree=repository.main_work_tree, common_dir=repository.common_dir
        )
        directory = RunsDirectory(root)
        return cls(repository, directory, databases_for(directory, database_url, per_run_sqlite=False))

    @property
    def has_control(self) -> bool:
        """Whether there is a control database: opening one of SQLite would make it. Postgres is not asked."""
        file = parse_url(self.databases.control_url).database
        return not self.databases.is_sqlite or (file is not None and Path(file).exists())

    def identity(self, name: str | None) -> str:
        """Return what the repository is known by in the databases.

        Args:
            name: What the settings say.
        """
        return name or self.repository.identity(self.repository.resolve("HEAD")) or str(self.repository.common_dir)
