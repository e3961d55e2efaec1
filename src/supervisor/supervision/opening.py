"""Getting ready to work: the directories, the databases, and who we are."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.artifacts.filesystems import Mount, network_file_system
from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.progress import RunProgress
from supervisor.clock import Clock
from supervisor.errors import UsageError
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.logs.lines import LogLine, chosen_level
from supervisor.model.lease import MIN_LEASE_SECONDS
from supervisor.model.numbers import LARGEST_NUMBER, MAX_WORKERS
from supervisor.room import lack_of_room
from supervisor.store.databases import SHARING_HINT, Databases
from supervisor.store.url_environment import with_environment
from supervisor.store.urls import parse_url, sqlite_url
from supervisor.supervision.journal import Journal
from supervisor.supervision.presence import this_supervisor
from supervisor.supervision.room import check_room, needed_for_runs
from supervisor.supervision.workshop import CacheSetting, Workshop

MANY_SQLITE_WORKERS = 4
_NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Setting:
    """How a supervisor works, whatever it works on.

    Attributes:
        databases: Where its tables are.
        ocr_workers: Page processes of each executor.
        cache: Where recognised pages are kept for everybody; None if none is to be asked.
        lease_seconds: How long it may be silent before its runs are another's to take.
        cancel_grace_seconds: How long what a cancelled run has started may take to end by itself.
        name: What the names of its workers begin with; None for host and process number.
        min_free_bytes: With how much room on a disk the work stops; 0 if nobody looks.
        listener: Told of every line of its log.
    """

    repository: Repository
    runs_directory: RunsDirectory
    databases: Databases
    ocr_workers: int
    cache: CacheSetting | None
    lease_seconds: int
    cancel_grace_seconds: int
    name: str | None
    min_free_bytes: int
    keep_workspaces: bool
    observer: Callable[[RunProgress], None]
    note: Callable[[str], None]
    clock: Clock
    retain_days: int | None = None
    listener: Callable[[LogLine], None] | None = None

    def check_room(self) -> None:
        """Make sure that runs have room.

        Raises:
            NoRoomError: A disk has less than the minimum.
        """
        check_room(needed_for_runs(self.repository, self.runs_directory), self.min_free_bytes)

    def open_workshop(self, workers: int) -> Workshop:
        """Make the runs directory, open the databases; the caller disposes of the engine.

        Raises:
            UsageError: The runs directory cannot be made.
            SurroundingsError: The control database cannot be used.
        """
        # What is shared is elsewhere, and may not answer: nothing is made before it does.
        engine = self.databases.open_control() if self.databases.shared else None
        try:
            self.runs_directory.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            lack = lack_of_room(error)
            if lack is not None:
                raise lack from error
            raise UsageError(
                f"cannot make the runs directory {self.runs_directory.root}: {error.strerror}",
                hint="choose another one with --runs-dir",
            ) from error
        self.repository.exclude_from_status(self.runs_directory.root)
        level = chosen_level(os.environ)
        me = this_supervisor(
            self.runs_directory, desired_workers=workers, lease_seconds=self.lease_seconds, name=self.name
        )
        return Workshop(
            repository=self.repository,
            runs_directory=self.runs_directory,
            workspaces=WorkspaceManager(self.repository, self.runs_directory.root),
            run_locks=ExecutorLockManager(self.runs_directory.root),
            databases=self.databases,
            engine=engine or self.databases.open_control(),
            me=me,
            clock=self.clock,
            ocr_workers=self.ocr_workers,
            cancel_grace_seconds=self.cancel_grace_seconds,
            cache=self.cache,
            min_free_bytes=self.min_free_bytes,
            keep_workspaces=self.keep_workspaces,
            observer=self.observer,
            note=self.note,
            journal=Journal(self.runs_directory, me.id, level=level, listener=self.listener),
            retain_days=self.retain_days,
        )


def databases_for(directory: RunsDirectory, database_url: str | None, *, per_run_sqlite: bool) -> Databases:
    """Return where tables are: in the database that is named, else in files of the runs directory.

    Raises:
        UsageError: The URL cannot be used.
    """
    if database_url and not per_run_sqlite:
        return Databases(with_environment(database_url, os.environ), per_run=None)
    return Databases(sqlite_url(directory.control_database), per_run=lambda run_id: directory.run(run_id).database)


def check_name(name: str) -> None:
    """Refuse a name for workers that cannot stand in tables, messages and file names.

    Raises:
        UsageError: It cannot.
    """
    if not _NAME_FORM.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a worker",
            hint="1 to 100 letters, digits, '.', '_' or '-', and a letter or digit first",
        )


def check_policy(databases: Databases, workers: int, lease_seconds: int, note: Callable[[str], None]) -> None:
    """Refuse what would go wrong with several workers, and warn of what would go slowly.

    Raises:
        UsageError: Several workers would share one SQLite file, there are too many, or the lease is too short or long.
    """
    if workers > MAX_WORKERS:
        raise UsageError(f"{workers} workers are too many", hint=f"at most {MAX_WORKERS}")
    if lease_seconds < MIN_LEASE_SECONDS:
        raise UsageError(f"a lease of {lease_seconds} s is too short", hint=f"at least {MIN_LEASE_SECONDS} s")
    if lease_seconds > LARGEST_NUMBER:
        raise UsageError(f"a lease of {lease_seconds} s is too long", hint=f"at most {LARGEST_NUMBER} s")
    if databases.shared and databases.is_sqlite:
        file = Path(parse_url(databases.control_url).database or "").absolute()
        kind = network_file_system(file)
        if kind is not None:
            raise UsageError(
                f"the SQLite database {file} is on a network file system ({kind}), where SQLite is not safe",
                hint=SHARING_HINT,
            )
    if databases.shared and databases.is_sqlite and workers > 1:
        raise UsageError(f"{workers} workers cannot share one SQLite database", hint=SHARING_HINT)
    if databases.is_sqlite and workers > MANY_SQLITE_WORKERS:
        note(f"{workers} workers take turns at one SQLite control database; with PostgreSQL they need not")


def check_runs_directory(
    repository: Repository, directory: RunsDirectory, *, head: str | None = None, mounts: Sequence[Mount] | None = None
) -> None:
    """Refuse a runs directory that is not safe to use.

    Args:
        repository: Where the runs are from.
        directory: Where they are kept.
        head: The commit of HEAD, if that is known.
        mounts: What is mounted; None for what is on this machine.

    Raises:
        UsageError: It is on a network file system, or a commit can put files into it.
    """
    root, work_tree = directory.root, repository.main_work_tree
    kind = network_file_system(root, mounts)
    if kind is not None:
        raise UsageError(
            f"the runs directory {root} is on a network file system ({kind}), where SQLite and file locks are not safe",
            hint="choose a local directory with --runs-dir",
        )
    # Files that a commit put there could aim what we write at any file of the user.
    hint = "choose another one with --runs-dir, or remove it from the repository"
    if root.is_symlink():
        raise UsageError(f"the runs directory {root} is a symbolic link", hint=hint)
    if work_tree is not None and root.is_relative_to(work_tree):
        inside = root.relative_to(work_tree).as_posix()
        if repository.list_files(head or repository.resolve("HEAD"), inside):
            raise UsageError(f"the repository has files of its own in the runs directory {inside}/", hint=hint)
