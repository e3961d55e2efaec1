import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.progress import RunProgress
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.store import sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.databases import Databases
from supervisor.store.engine import open_engine, transaction
from supervisor.store.moments import database_now
from supervisor.supervision.journal import Journal
from supervisor.supervision.presence import this_supervisor
from supervisor.supervision.workshop import Workshop
from support.bench import Bench
from support.clocks import HandClock


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
            runs: RunsDirectory = directory,
            **elsewhere: Any,
        ) -> Bench:
            said: list[str] = []
            shown: list[RunProgress] = []
            engine = open_engine(at.control_url)
            until_the_end.callback(engine.dispose)
            me = this_supervisor(runs, desired_workers=2, lease_seconds=lease_seconds, name=name)
            shop = Workshop(
                repository=repository,
                runs_directory=runs,
                workspaces=WorkspaceManager(repository, runs.root),
                run_locks=ExecutorLockManager(runs.root),
                databases=at,
                engine=engine,
                me=replace(me, **elsewhere),
                clock=clock,
                ocr_workers=1,
                cancel_grace_seconds=10,
                cache=None,
                min_free_bytes=0,
                keep_workspaces=False,
                observer=shown.append,
                note=said.append,
                journal=Journal(runs, me.id),
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
