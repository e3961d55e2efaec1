"""What a command that executes nothing looks at: the repository, its runs directory, its databases."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.clock import SystemClock
from supervisor.config import runs_directory
from supervisor.git.repository import Repository
from supervisor.model.intents import DEFAULT_CANCEL_GRACE_SECONDS
from supervisor.model.lease import DEFAULT_LEASE_SECONDS
from supervisor.store.databases import Databases
from supervisor.store.urls import parse_url
from supervisor.supervision.opening import Setting, check_runs_directory, databases_for
from supervisor.supervision.workshop import Workshop


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

    def open_control(self) -> Engine:
        """Open the control database, in a runs directory that is made for it where need be; the caller disposes of it.

        Raises:
            UsageError: The runs directory, where the database would be, cannot be used.
            SchemaError: The database is newer than this program.
            DatabaseError: It cannot be reached or changed.
        """
        if not self.databases.shared:
            check_runs_directory(self.repository, self.runs_directory)
            self.runs_directory.root.mkdir(parents=True, exist_ok=True)
            self.repository.exclude_from_status(self.runs_directory.root)
        return self.databases.open_control()

    def setting(self, note: Callable[[str], None]) -> Setting:
        """Return how somebody works here who executes nothing; `note` is told what people should know."""
        return Setting(
            repository=self.repository,
            runs_directory=self.runs_directory,
            databases=self.databases,
            ocr_workers=1,
            cache=None,
            lease_seconds=DEFAULT_LEASE_SECONDS,
            cancel_grace_seconds=DEFAULT_CANCEL_GRACE_SECONDS,
            name=None,
            min_free_bytes=0,
            keep_workspaces=False,
            observer=lambda _progress: None,
            note=note,
            clock=SystemClock(),
        )

    @contextmanager
    def open_workshop(self, note: Callable[[str], None]) -> Iterator[Workshop]:
        """Have a workshop while the block runs, in which nothing is executed; `note` is told what people should know.

        Raises:
            UsageError: The runs directory cannot be used.
            DatabaseError: The control database cannot be reached or changed.
        """
        shop = self.setting(note).open_workshop(1)
        try:
            yield shop
        finally:
            shop.engine.dispose()

    def identity(self, name: str | None) -> str:
        """Return what the repository is known by in the databases.

        Args:
            name: What the settings say.
        """
        return name or self.repository.identity(self.repository.resolve("HEAD")) or str(self.repository.common_dir)
