import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from supervisor.artifacts.layout import RunDirectory, RunsDirectory
from supervisor.executor.child import Executor
from supervisor.executor.forkserver import ensure_fork_server
from supervisor.executor.messages import Message, Start
from supervisor.executor.spec import RunSpec, SpecDocument
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.runlock import ExecutorLockManager, RunLock
from supervisor.ocr.job import Job
from supervisor.store.engine import sqlite_url
from supervisor.store.results import AttemptKey, ResultStore, StoredPage

SENTENCE = "The archive keeps every letter"


def page(lines: int = 1, size: tuple[int, int] | None = None) -> Image.Image:
    image = Image.new("L", size or (900, 80 + 70 * lines), 255)
    font = ImageFont.load_default(size=44)
    for line in range(lines):
        ImageDraw.Draw(image).text((40, 40 + 70 * line), f"{SENTENCE} {line}", font=font, fill=0)
    return image


@dataclass(frozen=True)
class Bench:
    """A workspace with documents, and what an executor needs to recognise them as run `letters`."""

    runs: RunsDirectory
    workspace: Path
    locks: ExecutorLockManager

    @property
    def run(self) -> RunDirectory:
        return self.runs.run("letters")

    def draw(self, name: str, *, pages: int = 1, lines: int = 1) -> None:
        frames = [page(lines) for _ in range(pages)]
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frames[0].save(path, **({"save_all": True, "append_images": frames[1:]} if pages > 1 else {}))

    def start(self, *, attempt: int = 1, term: int = 1, ocr_workers: int = 2) -> Start:
        """Return the start message for all documents there are, and let this term write."""
        names = sorted(str(path.relative_to(self.workspace)) for path in self.workspace.rglob("*") if path.is_file())
        job = Job(name="books", documents=("**",))
        documents = [SpecDocument(path=name, blob_sha="b10b", job="books") for name in names]
        spec = RunSpec(["ocr-jobs/letters.toml"], [job], documents, [])
        self.take_over(attempt=attempt, term=term)
        return Start(
            run=7,
            run_id="letters",
            attempt=attempt,
            lease_term=term,
            database_url=sqlite_url(self.run.database),
            workspace=str(self.workspace),
            artifacts=str(self.run.root),
            scratch=str(self.runs.scratch("letters")),
            spill=str(self.runs.spill("letters")),
            lfs_objects_dir=str(self.workspace / "no-lfs"),
            ocr_workers=ocr_workers,
            spec=spec.to_json(),
        )

    def take_over(self, *, attempt: int = 1, term: int) -> None:
        """As provisioning does: only this term writes from now on, and an attempt that begins has its own trace."""
        store = self.store()
        if store.take_over(AttemptKey(7, "letters", attempt, term), f"the row of attempt {attempt}"):
            self.run.trace.unlink(missing_ok=True)
        store.close()

    def store(self) -> ResultStore:
        self.run.root.mkdir(parents=True, exist_ok=True)
        return ResultStore(sqlite_url(self.run.database))

    def lease(self, term: int = 1) -> WorkspaceLease:
        return WorkspaceLease(self.runs.root, self.workspace, run_id="letters", term=term)

    def stored_pages(self, attempt: int = 1) -> list[StoredPage]:
        store = self.store()
        found = store.finished_pages(AttemptKey(7, "letters", attempt, 0))
        store.close()
        return [stored for pages in found.values() for stored in pages]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    runs = RunsDirectory(tmp_path / "runs")
    (tmp_path / "workspace").mkdir()
    yield Bench(runs, tmp_path / "workspace", ExecutorLockManager(runs.root))
    # Which supervisors do, and not executors.
    shutil.rmtree(runs.scratch("letters"), ignore_errors=True)


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
    """Return the living processes of an executor's group, those with a name if one is given."""

    def find(pid: int, name: str = "") -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if (
                    os.getpgid(process.pid) == pid
                    and process.status() != psutil.STATUS_ZOMBIE
                    and name in process.name()
                ):
                    found.append(process)
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        return found

    return find
