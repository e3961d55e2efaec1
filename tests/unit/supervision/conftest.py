import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunDirectory, RunsDirectory
from supervisor.board.progress import RunProgress
from supervisor.executor.spec import RunSpec
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.states import RunStatus
from supervisor.ocr.job import Job
from supervisor.store import runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.databases import Databases
from supervisor.store.engine import open_engine, transaction
from supervisor.store.events import Event, history
from supervisor.store.moments import database_now
from supervisor.store.runs import NewRun, RunRow
from supervisor.store.tables import workers
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.claim import Claimant
from supervisor.supervision.presence import this_supervisor
from supervisor.supervision.workshop import Workshop
from support.clocks import HandClock

SPEC = RunSpec(["ocr-jobs/a.toml"], [Job(name="books", documents=("**",))], [], [])


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def directory(tmp_path: Path) -> RunsDirectory:
    return RunsDirectory(tmp_path / "runs")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """One with a commit; no setting of the machine decides what git does in it."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    top = tmp_path / "archive"
    (top / "ocr-jobs").mkdir(parents=True)
    (top / "ocr-jobs" / "a.toml").write_text("version = 1\n")
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    for arguments in (("init", "-q"), ("add", "--all"), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", "-C", str(top), *arguments], check=True)
    return Repository.discover(top)


@pytest.fixture
def databases(
    database_kind: str,
    database_url: str,
    engine: Engine,  # noqa: ARG001 (it makes the tables)
    directory: RunsDirectory,
) -> Databases:
    """As commands have them: a server shared by all, or files of which each run has one."""
    if database_kind == "postgresql":
        return Databases(database_url, per_run=None)
    return Databases(database_url, per_run=lambda run_id: directory.run(run_id).database)


@dataclass
class Bench:
    """A supervisor in this process, with all it needs but a loop.

    Attributes:
        said: What it had people told.
        shown: What its observer saw.
    """

    shop: Workshop
    until_the_end: ExitStack
    said: list[str]
    shown: list[RunProgress]

    @property
    def workers(self) -> list[str]:
        return [f"{self.shop.me.id}-{number}" for number in (1, 2)]

    def add_session(self, session_id: str) -> None:
        with transaction(self.shop.engine) as connection:
            sessions.add(connection, session_id, "night", at=database_now(connection, self.shop.clock))

    def add(self, run_id: str, *, session_id: str = "s", **others: Any) -> int:
        """Queue a run, in a session that is there."""
        commit = self.shop.repository.resolve("HEAD")
        common = {"spec": SPEC.to_json(), "repository": "repo", "requested_by": "anna", "served_by": None}
        new = NewRun(run_id=run_id, session_id=session_id, commit_sha=commit, **{**common, **others})
        with transaction(self.shop.engine) as connection:
            return runs.add(connection, new, at=database_now(connection, self.shop.clock))

    def claim(self, worker: int = 0) -> Assignment:
        """Claim the next run in the queue, with its locks; nothing is done for it yet."""
        claimed = Claimant(self.shop).claim(self.workers[worker])
        assert claimed is not None, self.said
        row, lock, lease = claimed
        assignment = Assignment(
            self.workers[worker], row, lock, lease, Future(), RunProgress(row.run_id, row.status, "claimed", 0)
        )
        self.until_the_end.callback(assignment.release)
        return assignment

    def directory_of(self, row: RunRow) -> RunDirectory:
        return self.shop.runs_directory.run(row.run_id)

    def stage(self, row: RunRow, text: str) -> None:
        """Write what an executor of this term would."""
        staged = self.directory_of(row).staging(row.lease_term) / "output"
        staged.mkdir(parents=True)
        (staged / "a.tiff.txt").write_text(text)

    def output(self, row: RunRow) -> str | None:
        published = self.directory_of(row).output / "a.tiff.txt"
        return published.read_text() if published.exists() else None

    def row(self, run: int) -> RunRow:
        with transaction(self.shop.engine) as connection:
            return runs.get(connection, run)

    def events(self, run: int) -> list[Event]:
        with transaction(self.shop.engine) as connection:
            return history(connection, run)

    def session(self, session_id: str = "s") -> str:
        with transaction(self.shop.engine) as connection:
            return sessions.get(connection, session_id).status

    def worker(self, number: int = 0) -> tuple[str, int | None]:
        """Return the status and the run of a worker."""
        with transaction(self.shop.engine) as connection:
            query = sa.select(workers.c.status, workers.c.current_run).where(workers.c.id == self.workers[number])
            return tuple(connection.execute(query).one())

    def requeue(self, row: RunRow, **values: object) -> None:
        """Take a run from its holder, as a rescuer elsewhere does."""
        with transaction(self.shop.engine) as connection:
            at = database_now(connection, self.shop.clock)
            assert runs.transition(
                connection, row, RunStatus.QUEUED, at=at, actor="elsewhere", event="rescued", values=values
            )


@pytest.fixture
def make_bench(
    repository: Repository, directory: RunsDirectory, databases: Databases, clock: HandClock
) -> Iterator[Callable[..., Bench]]:
    """Make a registered supervisor with two workers; some of what it says of itself may be as on another machine."""
    with ExitStack() as until_the_end:

        def make(
            name: str = "one",
            *,
            scope: Scope | None = None,
            lease_seconds: int = 60,
            at: Databases = databases,
            **elsewhere: Any,
        ) -> Bench:
            said: list[str] = []
            shown: list[RunProgress] = []
            engine = open_engine(at.control_url)
            until_the_end.callback(engine.dispose)
            me = this_supervisor(directory, desired_workers=2, lease_seconds=lease_seconds, name=name)
            shop = Workshop(
                repository=repository,
                runs_directory=directory,
                workspaces=WorkspaceManager(repository, directory.root),
                run_locks=ExecutorLockManager(directory.root),
                databases=at,
                engine=engine,
                me=replace(me, **elsewhere),
                clock=clock,
                ocr_workers=1,
                keep_workspaces=False,
                observer=shown.append,
                note=said.append,
            )
            bench = Bench(shop, until_the_end, said, shown)
            with transaction(engine) as connection:
                at_once = database_now(connection, clock)
                if not sessions.named(connection, "s"):
                    sessions.add(connection, "s", "night", at=at_once)
                supervisors.register(connection, shop.me, bench.workers, scope or Scope(None, ["repo"]), at=at_once)
            return bench

        yield make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    return make_bench()
