"""What happens to a pool when its processes hang, crash or are killed, and what is left afterwards."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any

import psutil
import pytest
from pebble import ProcessExpired
from PIL import Image

from supervisor.ocr.errors import PoolBrokenError
from supervisor.ocr.events import DocumentFinished, DocumentRequest, PageFinished
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.known import KnownPages
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.pages.tasks import MARGIN_SECONDS, OpenTask, Refused
from supervisor.ocr.processing import process_documents

Draw = Callable[..., Image.Image]
Finish = Callable[..., dict[str, DocumentFinished]]
MakeJob = Callable[..., Job]
MakePool = Callable[..., PagePool]
NothingKnown = Callable[..., KnownPages]
CheapTask = Callable[[], OpenTask]
Recognisers = Callable[[Path], list[psutil.Process]]
WaitUntil = Callable[..., None]


def page_processes(pool: PagePool) -> list[psutil.Process]:
    return [psutil.Process(process.pid) for process in pool._context.processes if process.is_alive()]


def busy_process(pool: PagePool) -> int:
    """Return the process that the only task of a pool is running in."""
    (task,) = pool._pool._pool_manager.task_manager.tasks.values()
    return int(task.worker_id)


def call(pool: PagePool, function: Callable[..., Any], *arguments: object) -> Future[Any]:
    """Do something else than a task in one of a pool's processes."""
    return pool._pool.schedule(function, args=arguments)


@pytest.fixture
def cheap_task(tmp_path: Path, make_job: MakeJob) -> CheapTask:
    """Ask for a document that is not there."""
    missing = tmp_path / "missing"
    return lambda: OpenTask(missing, tmp_path, None, None, make_job(), tmp_path / "stop", tmp_path / "watch")


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def in_background() -> Iterator[Callable[[Callable[[], None]], threading.Thread]]:
    """Do something while the test waits for results; what it raises there fails the test as a warning."""
    threads: list[threading.Thread] = []

    def start(action: Callable[[], None]) -> threading.Thread:
        threads.append(threading.Thread(target=action))
        threads[-1].start()
        return threads[-1]

    yield start
    for thread in threads:
        thread.join()


def test_the_end_of_the_fork_server_costs_a_second_try(
    tmp_path: Path,
    pool: PagePool,
    long_page: Path,
    *,
    finish: Finish,
    make_job: MakeJob,
    recognisers: Recognisers,
    wait_until: WaitUntil,
    in_background: Callable[[Callable[[], None]], threading.Thread],
) -> None:
    given_up: list[psutil.Process] = []

    def kill() -> None:
        wait_until(lambda: recognisers(tmp_path))
        given_up.extend([recognisers(tmp_path)[0], *page_processes(pool)])
        # Its children live on, and would take another page.
        given_up[-1].parent().kill()

    in_background(kill)
    finished = finish([DocumentRequest(long_page, "long", make_job(), long_page.parent)], pool)["long"]
    assert finished.error is None
    wait_until(lambda: all(map(is_gone, given_up)), 2)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_page_process_costs_a_second_try(
    number: signal.Signals,
    tmp_path: Path,
    pool: PagePool,
    long_page: Path,
    *,
    finish: Finish,
    make_job: MakeJob,
    recognisers: Recognisers,
    wait_until: WaitUntil,
    in_background: Callable[[Callable[[], None]], threading.Thread],
) -> None:
    orphans: list[psutil.Process] = []

    def kill() -> None:
        wait_until(lambda: recognisers(tmp_path))
        orphans.extend(recognisers(tmp_path))
        page_process = orphans[0].parent()
        # Stopped, so that nothing but a kill ends it.
        orphans[0].suspend()
        page_process.send_signal(number)

    in_background(kill)
    finished = finish([DocumentRequest(long_page, "long", make_job(), long_page.parent)], pool)["long"]
    assert finished.error is None
    assert finished.pages[0].word_count > 100
    wait_until(lambda: is_gone(orphans[0]))


def test_a_page_that_kills_twice_fails_alone(
    tmp_path: Path,
    make_pool: MakePool,
    long_page: Path,
    *,
    draw: Draw,
    finish: Finish,
    make_job: MakeJob,
    recognisers: Recognisers,
    in_background: Callable[[Callable[[], None]], threading.Thread],
) -> None:
    draw().save(tmp_path / "short.png")
    over = threading.Event()

    def is_at_the_long_page() -> bool:
        # It alone makes a file of more than a megabyte, which goes when the page is done or its process dead.
        return any(file.stat().st_size > 1_000_000 for file in tmp_path.glob("scratch/*/page-*/page.tif"))

    def kill() -> None:
        while not over.wait(0.01):
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                busy = {tesseract.parent() for tesseract in recognisers(tmp_path) if is_at_the_long_page()}
                for process in busy.intersection(page_processes(pool)):
                    process.kill()

    requests = [
        DocumentRequest(long_page, "long", make_job(), long_page.parent),
        DocumentRequest(tmp_path / "short.png", "short", make_job(), tmp_path),
    ]
    with make_pool(tmp_path, workers=1) as pool:
        in_background(kill)
        try:
            finished = finish(requests, pool)
        finally:
            over.set()
    assert finished["long"].error == "the page process was killed by SIGKILL"
    assert finished["short"].pages[0].word_count == 5


@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_recogniser(
    kills: int,
    tmp_path: Path,
    pool: PagePool,
    long_page: Path,
    *,
    finish: Finish,
    make_job: MakeJob,
    recognisers: Recognisers,
    wait_until: WaitUntil,
    in_background: Callable[[Callable[[], None]], threading.Thread],
) -> None:
    def kill() -> None:
        killed: set[int] = set()
        for _ in range(kills):
            wait_until(lambda: {process.pid for process in recognisers(tmp_path)} - killed)
            process = next(process for process in recognisers(tmp_path) if process.pid not in killed)
            killed.add(process.pid)
            process.kill()

    in_background(kill)
    finished = finish([DocumentRequest(long_page, "long", make_job(), long_page.parent)], pool)["long"]
    assert finished.error == (None if kills == 1 else "tesseract was killed by SIGKILL")


def test_a_page_timeout_leaves_no_process(
    tmp_path: Path,
    pool: PagePool,
    long_page: Path,
    *,
    draw: Draw,
    finish: Finish,
    make_job: MakeJob,
    recognisers: Recognisers,
    wait_until: WaitUntil,
    in_background: Callable[[Callable[[], None]], threading.Thread],
) -> None:
    page_process: list[psutil.Process] = []

    def hang() -> None:
        wait_until(lambda: recognisers(tmp_path))
        hanging = recognisers(tmp_path)[0]
        page_process.append(hanging.parent())
        hanging.suspend()

    in_background(hang)
    draw().save(tmp_path / "short.png")
    requests = [DocumentRequest(long_page, "long", make_job(page_timeout_seconds=1), long_page.parent)]
    finished = finish(requests, pool)
    finished |= finish([DocumentRequest(tmp_path / "short.png", "short", make_job(), tmp_path)], pool)
    assert finished["long"].error == "took longer than page_timeout_seconds = 1"
    assert finished["short"].status == "succeeded"
    # One waits for a further page, but not for long.
    wait_until(lambda: not recognisers(tmp_path))
    # tesseract's own time limit came first: the process that waited for it lives on.
    assert page_process[0] in page_processes(pool)
    assert not [child for process in page_processes(pool) for child in process.children()]
    assert not list(tmp_path.glob("scratch/*/page-*"))


def test_a_page_process_that_hangs_is_ended_with_all_its_descendants(
    tmp_path: Path,
    pool: PagePool,
    long_page: Path,
    *,
    draw: Draw,
    finish: Finish,
    make_job: MakeJob,
    recognisers: Recognisers,
    wait_until: WaitUntil,
    in_background: Callable[[Callable[[], None]], threading.Thread],
) -> None:
    hanging: list[psutil.Process] = []

    def hang() -> None:
        wait_until(lambda: recognisers(tmp_path))
        tesseract = recognisers(tmp_path)[0]
        hanging.extend([tesseract, tesseract.parent()])
        for process in hanging:
            process.suspend()

    in_background(hang)
    draw().save(tmp_path / "short.png")
    finished = finish([DocumentRequest(long_page, "long", make_job(page_timeout_seconds=1), long_page.parent)], pool)
    assert finished["long"].error == "took longer than page_timeout_seconds = 1"
    wait_until(lambda: all(map(is_gone, hanging)))
    finished = finish([DocumentRequest(tmp_path / "short.png", "short", make_job(), tmp_path)], pool)
    assert finished["short"].status == "succeeded"


def test_cancelling_ends_what_a_task_has_started(pool: PagePool, wait_until: WaitUntil) -> None:
    future = call(pool, os.system, "sleep 87654 & wait")
    wait_until(lambda: [child for process in page_processes(pool) for child in process.children(recursive=True)])
    descendants = [child for process in page_processes(pool) for child in process.children(recursive=True)]
    future.cancel()
    with pytest.raises(CancelledError):
        future.result(timeout=30)
    wait_until(lambda: all(map(is_gone, descendants)))


def test_waiting_for_a_slot_does_not_count_against_the_time_of_a_page(
    tmp_path: Path, pool: PagePool, *, draw: Draw, finish: Finish, make_job: MakeJob
) -> None:
    # Longer than a page may take, than its supervising process waits, and than it waits for itself.
    page_seconds = 3
    held_seconds = page_seconds + 2 * MARGIN_SECONDS + 0.5
    for name in "abc":
        draw(f"Page {name}").save(tmp_path / f"{name}.png")
    job = make_job(page_timeout_seconds=page_seconds)
    requests = [DocumentRequest(tmp_path / f"{name}.png", name, job, tmp_path) for name in "abc"]
    slots = [pool._slots.acquire(1) for _ in range(pool._slots.slots)]
    threading.Timer(held_seconds, lambda: [slot.release() for slot in slots]).start()
    before = time.monotonic()
    finished = finish(requests, pool)
    assert time.monotonic() - before >= held_seconds
    assert {name: one.error for name, one in finished.items()} == dict.fromkeys("abc")
    assert all(one.pages[0].duration_ms < 1000 * held_seconds for one in finished.values())


def test_a_crash_is_an_exception_of_its_task_alone(pool: PagePool, cheap_task: CheapTask) -> None:
    others = [call(pool, abs, -number) for number in range(4)]
    crashed = call(pool, signal.raise_signal, signal.SIGSEGV)
    with pytest.raises(ProcessExpired) as caught:
        crashed.result(timeout=30)
    assert caught.value.exitcode == -signal.SIGSEGV
    assert [future.result(timeout=30) for future in others] == [0, 1, 2, 3]
    assert pool.submit(cheap_task()).result(timeout=30) == Refused("is not there")


def test_idle_processes_may_die(pool: PagePool, wait_until: WaitUntil, cheap_task: CheapTask) -> None:
    assert pool.submit(cheap_task()).result(timeout=30) == Refused("is not there")
    for process in page_processes(pool):
        process.kill()
    wait_until(lambda: not pool._pool.active)
    assert pool.submit(cheap_task()).result(timeout=30) == Refused("is not there")


def test_after_a_death_that_costs_no_task_all_processes_are_new(
    pool: PagePool, wait_until: WaitUntil, cheap_task: CheapTask
) -> None:
    busy = call(pool, time.sleep, 60)
    wait_until(busy.running)
    old = page_processes(pool)
    next(process for process in old if process.pid != busy_process(pool)).kill()
    wait_until(lambda: pool.look_after() or all(map(is_gone, old)), 10)
    assert pool.submit(cheap_task()).result(timeout=10) == Refused("is not there")


def test_interrupts_are_for_the_caller(pool: PagePool, wait_until: WaitUntil) -> None:
    future = call(pool, time.sleep, 1)
    wait_until(future.running)
    for process in page_processes(pool):
        process.send_signal(signal.SIGINT)
        assert os.getpgid(process.pid) == os.getpgrp()
    assert future.result(timeout=30) is None


def test_tesseract_runs_on_one_thread(pool: PagePool) -> None:
    assert call(pool, os.getenv, "OMP_THREAD_LIMIT").result(timeout=30) == "1"


def is_locked(file: Path) -> bool:
    with file.open("r") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_locks_live_as_long_as_any_page_process(
    tmp_path: Path, make_pool: MakePool, wait_until: WaitUntil, cheap_task: CheapTask
) -> None:
    file = tmp_path / "lease.lock"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with make_pool(tmp_path, keep_open=(descriptor,)) as pool:
        wait([call(pool, time.sleep, 0.2) for _ in range(4)])
        first = page_processes(pool)
        os.kill(first[0].pid, signal.SIGKILL)
        wait_until(lambda: len(page_processes(pool)) == 2 or not pool._pool.active)
        pool.submit(cheap_task()).result(timeout=30)
        os.close(descriptor)
        assert is_locked(file)
    assert not is_locked(file)


@pytest.mark.parametrize("way", ["error", "abandon"])
def test_leaving_ends_everything_at_once(
    way: str,
    tmp_path: Path,
    long_page: Path,
    *,
    make_job: MakeJob,
    make_pool: MakePool,
    nothing_known: NothingKnown,
    recognisers: Recognisers,
    wait_until: WaitUntil,
    in_background: Callable[[Callable[[], None]], threading.Thread],
) -> None:
    processes: list[psutil.Process] = []
    left_at: list[float] = []
    abandon = threading.Event()

    def note() -> None:
        # They would not end before the time for a page is over.
        for process in recognisers(tmp_path):
            process.suspend()
        left_at.append(time.monotonic())

    def leave() -> None:
        wait_until(lambda: recognisers(tmp_path))
        note()
        abandon.set()

    def recognise() -> None:
        requests = [DocumentRequest(long_page, "long", make_job(), long_page.parent)] * 3
        known = nothing_known(requests)
        with make_pool(tmp_path) as pool:
            if way == "abandon":
                in_background(leave)
            for _ in process_documents(requests, pool, known, stop=threading.Event(), abandon=abandon):
                processes[:] = page_processes(pool)
                if way == "error" and recognisers(tmp_path):
                    note()
                    raise RuntimeError

    with pytest.raises(RuntimeError) if way == "error" else contextlib.nullcontext():
        recognise()
    assert time.monotonic() - left_at[0] < 30
    assert len(processes) == 2
    wait_until(lambda: all(map(is_gone, processes)))
    wait_until(lambda: not recognisers(tmp_path))
    assert not list((tmp_path / "scratch").iterdir())
    assert not list((tmp_path / "spill").iterdir())


def test_a_closed_pool_stays_closed(tmp_path: Path, make_pool: MakePool, cheap_task: CheapTask) -> None:
    pool = make_pool(tmp_path, workers=1)
    pool.close()
    with pytest.raises(PoolBrokenError, match="closed"):
        pool.submit(cheap_task())


def test_processes_that_never_get_as_far_as_a_task(
    tmp_path: Path, make_pool: MakePool, cheap_task: CheapTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    def submit_until_refused() -> None:
        while True:
            wait([pool.submit(cheap_task())])

    with make_pool(tmp_path, workers=1) as pool:
        # The stand-in for a machine on which no process can be started.
        monkeypatch.setattr(pool._context, "Process", refuse)
        with pytest.raises(PoolBrokenError, match="die before they take a page"):
            submit_until_refused()


def test_stop_begins_no_page_and_keeps_those_in_flight(
    tmp_path: Path,
    pool: PagePool,
    long_page: Path,
    *,
    make_job: MakeJob,
    nothing_known: NothingKnown,
    cheap_task: CheapTask,
) -> None:
    file = tmp_path / "many.tif"
    with Image.open(long_page) as page:
        frame = page.crop((0, 0, 2400, 1200))
    frame.save(file, save_all=True, append_images=[frame] * 9, compression="tiff_lzw")
    stop = threading.Event()
    requests = [DocumentRequest(file, "many", make_job(), tmp_path)]
    events = process_documents(requests, pool, nothing_known(requests), stop=stop)
    pages = []
    for event in events:
        assert not isinstance(event, DocumentFinished)
        if isinstance(event, PageFinished):
            stop.set()
            pages.append(event.page)
    # One page each for two processes, and one more for the process that was free before `stop` was looked at.
    assert 1 <= len(pages) <= 4
    assert {page.status for page in pages} == {"succeeded"}
    assert pool.submit(cheap_task()).result(timeout=30) == Refused("is not there")


def test_the_death_of_the_executor_leaves_nothing(
    tmp_path: Path, long_page: Path, *, recognisers: Recognisers, wait_until: WaitUntil
) -> None:
    owner = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("pool_owner.py")), str(long_page), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with owner:
        assert owner.stdout is not None
        executor = psutil.Process(int(owner.stdout.readline()))
        wait_until(lambda: len(recognisers(tmp_path)) == 2)
        tree = [process for process in psutil.process_iter() if process_group(process) == owner.pid]
        survivors = {owner.pid, *(process.pid for process in psutil.Process(owner.pid).children())}
        for process in recognisers(tmp_path):
            process.suspend()
        executor.kill()
        doomed = [process for process in tree if process.pid not in survivors]
        assert len(doomed) >= 5  # the executor, two page processes, two tesseracts
        wait_until(lambda: all(map(is_gone, doomed)))
    assert not list(tmp_path.glob("scratch/*/page-*"))


def process_group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None
