import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunDirectory, RunsDirectory
from supervisor.executor.child import Executor
from supervisor.executor.forkserver import ensure_fork_server
from supervisor.executor.messages import Advanced, Message, Start
from supervisor.executor.spec import RunSpec, SpecDocument, spelled
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.runlock import ExecutorLockManager, RunLock
from supervisor.model.states import RunStatus
from supervisor.ocr.jobs.job import Job
from supervisor.store import runs
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.results import PageTally, ResultStore, StoredDocument, StoredPage
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs as table
from supervisor.store.urls import sqlite_url
from support.blobs import blob_id
from support.postgres import PostgresServer
from support.run_queue import add_run, add_session, key_of, put
from support.schemas import check_event

SENTENCE = "The archive keeps every letter"
OWNER = Path(__file__).with_name("executor_owner.py")


def page(lines: int = 1) -> Image.Image:
    image = Image.new("L", (900, 80 + 70 * lines), 255)
    font = ImageFont.load_default(size=44)
    for line in range(lines):
        ImageDraw.Draw(image).text((40, 40 + 70 * line), f"{SENTENCE} {line}", font=font, fill=0)
    return image


@dataclass(frozen=True)
class Bench:
    """A workspace with documents, and what an executor needs to recognise them as run `letters`."""

    directory: RunsDirectory
    workspace: Path
    locks: ExecutorLockManager
    databases: Databases
    engine: Engine

    @property
    def run(self) -> RunDirectory:
        return self.directory.run("letters")

    @property
    def row(self) -> RunRow:
        """The run as it stands."""
        with transaction(self.engine) as connection:
            return runs.of_rows(connection, connection.scalars(sa.select(table.c.id)).all())[-1]

    def draw(self, name: str, *, pages: int = 1, lines: int = 1) -> None:
        frames = [page(lines) for _ in range(pages)]
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frames[0].save(path, **({"save_all": True, "append_images": frames[1:]} if pages > 1 else {}))

    def start(
        self,
        *,
        attempt: int = 1,
        term: int = 1,
        ocr_workers: int = 2,
        patience_seconds: float = 30,
        lfs: str = "lfs",
        cache: Path | None = None,
        **settings: object,
    ) -> Start:
        """Claim the run, and return the start message for all documents there are."""
        documents = [self.document(path) for path in sorted(self.workspace.rglob("*")) if path.is_file()]
        spec = RunSpec(
            ["ocr-jobs/letters.toml"],
            [Job.model_validate({"name": "books", "documents": ["**"], **settings})],
            documents,
            [],
        )
        return Start(
            run=self.claim(attempt=attempt, term=term).id,
            run_id="letters",
            attempt=attempt,
            lease_term=term,
            database_url=self.databases.results_url("letters"),
            database_is_shared=self.databases.shared,
            patience_seconds=patience_seconds,
            workspace=str(self.workspace),
            artifacts=str(self.run.root),
            scratch=str(self.directory.scratch("letters")),
            spill=str(self.directory.spill("letters")),
            lfs_objects_dir=str(self.directory.root.with_name(lfs)),
            ocr_workers=ocr_workers,
            state_dir=None,
            cache_directory=None if cache is None else str(cache),
            cache_limit_bytes=1 << 30,
            min_free_bytes=0,
            repository="archive",
            worker="desk-1",
            spec=spec.to_json(),
        )

    def document(self, path: Path) -> SpecDocument:
        text, raw = spelled(os.fsencode(path.relative_to(self.workspace)))
        # That of a link is where it leads to.
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        return SpecDocument(path=text, raw=raw, blob_sha=blob_id(content), job="books")

    def claim(self, *, attempt: int = 1, term: int) -> RunRow:
        """As a claim and provisioning do: only this term writes from now on; an attempt that begins has no trace."""
        values = {"status": RunStatus.RUNNING, "attempt": attempt, "lease_term": term}
        claimed = sa.update(table).where(table.c.id == self.row.id).values(values)
        with transaction(self.engine) as connection:
            connection.execute(claimed)
        row = self.row
        with closing(self.store()) as store:
            if store.take_over(key_of(row), row.owner):
                self.run.trace.unlink(missing_ok=True)
        return row

    def end_and_name_again(self) -> None:
        """Make another row of the run."""
        put(self.engine, self.row, RunStatus.SUCCEEDED, actor="supervisor", event="succeeded")
        with transaction(self.engine) as connection:
            add_run(connection, "letters")

    def store(self) -> ResultStore:
        self.run.root.mkdir(parents=True, exist_ok=True)
        return self.databases.open_results("letters")

    def lease(self, term: int = 1) -> WorkspaceLease:
        return WorkspaceLease(self.directory.root, self.workspace, run_id="letters", term=term)

    def paths(self, store: ResultStore, row: RunRow) -> list[str]:
        return [document.path for document in store.documents(row.id, row.attempt)]

    def stored_pages(self, row: RunRow | None = None) -> list[StoredPage]:
        with closing(self.store()) as store:
            found = store.finished_pages(key_of(row or self.row), self.paths(store, row or self.row))
        return [stored for pages in found.values() for stored in pages]

    def stored(self) -> tuple[list[StoredPage], list[StoredDocument], PageTally]:
        """Return all that is stored of the present attempt."""
        row = self.row
        with closing(self.store()) as store:
            return self.stored_pages(row), store.documents(row.id, row.attempt), store.tally(row.id, row.attempt)

    def trace(self, event: str | None = None) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.run.trace.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            check_event(line)
        return [line for line in lines if event in {None, line["event"]}]


@pytest.fixture
def results_in() -> str:
    """Where the run's results go, for tests that are not about that; others name several places, one after another."""
    return "its own file"


@pytest.fixture
def databases(results_in: str, tmp_path: Path, request: pytest.FixtureRequest) -> Databases:
    directory = RunsDirectory(tmp_path / "runs")
    directory.root.mkdir()
    match results_in:
        case "its own file":
            return Databases(sqlite_url(directory.control_database), lambda run_id: directory.run(run_id).database)
        case "a shared file":
            return Databases(sqlite_url(tmp_path / "shared.db"), None)
        case "a server":
            name = sa.make_url(request.getfixturevalue("postgres_url")).database
            return Databases(request.getfixturevalue("postgres").tcp_url(name), None)
        case "its own server":
            server: PostgresServer = request.getfixturevalue("own_postgres")
            server.create_database("letters")
            return Databases(server.tcp_url("letters"), None)
        case unknown:
            raise ValueError(unknown)


@pytest.fixture
def bench(tmp_path: Path, databases: Databases) -> Iterator[Bench]:
    directory = RunsDirectory(tmp_path / "runs")
    (tmp_path / "workspace").mkdir()
    engine = databases.open_control()
    with transaction(engine) as connection:
        add_session(connection, "s")
        add_run(connection, "letters")
    yield Bench(directory, tmp_path / "workspace", ExecutorLockManager(directory.root), databases, engine)
    engine.dispose()
    # Which supervisors do, and not executors.
    shutil.rmtree(directory.scratch("letters"), ignore_errors=True)


@dataclass
class Started:
    """An executor with the copies of lease and run lock that its supervisor keeps."""

    executor: Executor
    lock: RunLock
    lease: WorkspaceLease
    heard: list[Message]

    def listen(self) -> list[Message]:
        """Take in what has arrived; return all messages so far."""
        self.heard.extend(self.executor.messages())
        return self.heard

    def listen_until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, f"not in time; heard {self.heard}"
            wait(self.executor.waitables(), timeout=0.05)
            self.listen()

    def listen_to_the_end(self, seconds: float = 60) -> list[Message]:
        self.listen_until(self.executor.has_ended, seconds)
        return self.listen()

    def told(self) -> Counter[str]:
        """How many pages it says it has finished, by source, else by status."""
        return sum((Counter(one.pages) for one in self.heard if isinstance(one, Advanced)), Counter())

    def pages(self) -> int:
        """How many pages it says it has stored."""
        return self.told().total()

    def failures(self) -> dict[str, str]:
        """The documents that it says have failed, and why."""
        ended = (document for one in self.heard if isinstance(one, Advanced) for document in one.ended)
        return {document.path: document.error for document in ended if document.error is not None}

    def release(self) -> bool:
        self.lease.close()
        return self.lock.close()


@pytest.fixture
def start_executor(bench: Bench) -> Iterator[Callable[[Start], Started]]:
    """Start executors of this process; none outlives the test."""
    started: list[Started] = []

    def begin(start: Start) -> Started:
        lock = bench.locks.acquire("letters", term=start.lease_term)
        lease = bench.lease(start.lease_term).acquire()
        executor = Executor(start, run_lock=lock.fileno(), lease=lease.fileno(), log=bench.run.log)
        started.append(Started(executor, lock, lease, []))
        return started[-1]

    ensure_fork_server(os.environ)
    yield begin
    for one in started:
        if not one.executor.connection.closed:
            one.executor.kill(grace_seconds=0)
            one.executor.reap()
        one.release()


@pytest.fixture
def start_eight_pages(
    bench: Bench, start_executor: Callable[[Start], Started], family: Callable[..., list[psutil.Process]]
) -> Callable[..., Started]:
    """Start an attempt at eight pages; return when at least one is stored and one is being recognised."""

    def begin(**options: Any) -> Started:
        bench.draw("a.tiff", pages=5, lines=12)
        bench.draw("b.tiff", pages=3, lines=12)
        started = start_executor(bench.start(ocr_workers=1, **options))
        started.listen_until(lambda: started.pages() and family(started.executor.pid, "tesseract"))
        return started

    return begin


@pytest.fixture
def under_way(start_eight_pages: Callable[..., Started]) -> Started:
    return start_eight_pages()


@pytest.fixture
def own(bench: Bench, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a supervisor with an executor for all documents of the bench."""
    owners: list[subprocess.Popen[str]] = []

    def begin(*, environment: Mapping[str, str] | None = None, **options: Any) -> "subprocess.Popen[str]":
        (tmp_path / "start.json").write_text(json.dumps(asdict(bench.start(**options))))
        arguments = [sys.executable, str(OWNER), str(tmp_path / "start.json"), str(bench.directory.root)]
        changed = {**os.environ, **(environment or {})}
        owners.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=changed))
        return owners[-1]

    yield begin
    for owner in owners:
        owner.kill()
        owner.communicate()


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], object], seconds: float = 30) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "the condition did not come true"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def family() -> Callable[..., list[psutil.Process]]:
    """Return the living processes of an executor's group; of a name, those that recognise if it is tesseract's."""

    def find(pid: int, name: str = "") -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                lives = os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE
                # An executor also asks tesseract which version it is.
                is_asked = name == "tesseract" and "--psm" not in process.cmdline()
                if lives and name in process.name() and not is_asked:
                    found.append(process)
        return found

    return find
