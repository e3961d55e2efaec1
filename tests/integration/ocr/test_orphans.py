"""What is killed after the death of a page process, and what is not."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from supervisor.ocr.pages.pool import PagePool

MakePool = Callable[..., PagePool]
WaitUntil = Callable[..., None]


@dataclass
class Program:
    """A shell in tesseract's place, which ends when it is told something."""

    future: Future[Any]
    process: psutil.Process
    pipe: int

    def lose_page_process(self, wait_until: WaitUntil) -> None:
        page_process = self.process.parent()
        assert page_process is not None
        # Stopped, so that nothing but a kill ends it.
        self.process.suspend()
        page_process.kill()
        wait_until(lambda: not page_process.is_running())

    def is_gone(self) -> bool:
        return not self.process.is_running() or self.process.status() == psutil.STATUS_ZOMBIE

    def end(self) -> int:
        """Let it end, and return what its page process says of it."""
        os.write(self.pipe, b"\n")
        return int(self.future.result(timeout=30))


@pytest.fixture
def start(tmp_path: Path, wait_until: WaitUntil) -> Iterator[Callable[[PagePool], Program]]:
    """Start a program in a page process of a pool."""
    pipes: list[int] = []

    def begin(pool: PagePool) -> Program:
        fifo, number = tmp_path / f"fifo-{len(pipes)}", tmp_path / f"number-{len(pipes)}"
        os.mkfifo(fifo)
        command = f'echo $$ > "{number}"; read line < "{fifo}"'
        try:
            future = pool._pool.schedule(os.system, args=(command,))
        except RuntimeError:
            # It has noticed that its processes are dead.
            pool._renew()
            future = pool._pool.schedule(os.system, args=(command,))

        def is_waiting() -> bool:
            with suppress(OSError):  # nobody reads it yet
                pipes.append(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
                return True
            return False

        wait_until(is_waiting)
        return Program(future, psutil.Process(int(number.read_text())), pipes[-1])

    yield begin
    for pipe in pipes:
        os.close(pipe)


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "only just starting"])
def test_only_what_has_lost_its_page_process_is_killed(
    is_known: bool,
    pool: PagePool,
    start: Callable[[PagePool], Program],
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orphan, other = start(pool), start(pool)
    orphan.lose_page_process(wait_until)
    with monkeypatch.context() as patched:
        if not is_known:
            patched.setattr(pool._context, "processes", [])
        pool.clear(pool.new_folders())
    wait_until(orphan.is_gone)
    assert other.end() == 0


def test_the_pool_of_somebody_else_is_left_alone(
    tmp_path: Path, pool: PagePool, make_pool: MakePool, start: Callable[[PagePool], Program], wait_until: WaitUntil
) -> None:
    (tmp_path / "other").mkdir()
    with make_pool(tmp_path / "other", workers=1) as other:
        orphan = start(other)
        orphan.lose_page_process(wait_until)
        pool.clear(pool.new_folders())
        assert orphan.process.status() == psutil.STATUS_STOPPED
        other.clear(other.new_folders())
        wait_until(orphan.is_gone)


def test_page_processes_whose_fork_server_dies_leave_the_files_of_their_pool_alone(
    pool: PagePool, start: Callable[[PagePool], Program], wait_until: WaitUntil
) -> None:
    program, stopwatch = start(pool), pool.new_stopwatch()
    page_process = program.process.parent()
    assert page_process is not None
    server = page_process.parent()
    assert server is not None
    server.kill()
    # Taken for dead, and given up by everybody, which tells them to end.
    wait_until(lambda: all(process.has_vanished for process in pool._context.processes))
    pool._context.processes.clear()
    start(pool)
    wait_until(program.is_gone)
    assert stopwatch.exists()
