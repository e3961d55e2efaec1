"""A pool process seen from outside: how it is started, and how it is ended together with its tesseract."""

import contextlib
import os
from collections.abc import Callable, Sequence, Set
from multiprocessing import reduction
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

import psutil

POOL_VARIABLE = "SUPERVISOR_PAGE_POOL"
"""Tells in the environment of a tesseract which pool it belongs to."""


class PageProcess(ForkServerProcess):
    """A pool process whose end is also the end of its descendants.

    pebble calls `terminate` on a time limit and at shutdown. SIGTERM would wait for a process that is busy in MuPDF,
    which holds the interpreter lock, and would leave tesseract running.
    """

    def terminate(self) -> None:
        """Kill the process and everything it started."""
        if self.pid is not None and self.is_alive():
            end_process_tree(self.pid)


class PageProcessContext(ForkServerContext):
    """A forkserver context that starts `PageProcess`es and remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[PageProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> PageProcess:  # type: ignore[override]  # noqa: N802 - its name
        """Create a process; the caller starts it."""
        self.processes = [process for process in self.processes if process.pid is None or process.is_alive()]
        process = PageProcess(*args, **kwargs)
        self.processes.append(process)
        return process


class KeptOpen:
    """Descriptors that every pool process keeps open until it dies: locks that live as long as anybody works."""

    def __init__(self, descriptors: Sequence[int]) -> None:
        self.descriptors = tuple(descriptors)

    def __reduce__(self) -> tuple[Callable[..., "KeptOpen"], tuple[Any, ...]]:
        # Pickled once for every process that starts; DupFd only works at that moment.
        return _adopt, tuple(reduction.DupFd(descriptor) for descriptor in self.descriptors)


def _adopt(*duplicates: Any) -> KeptOpen:
    return KeptOpen([duplicate.detach() for duplicate in duplicates])


def end_process_tree(pid: int) -> None:
    """Kill a process of our own group and its descendants; stopped first, so that it starts no further one."""
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        # The forkserver collects its children, so the number may by now belong to a stranger.
        if os.getpgid(pid) != os.getpgrp():
            return
        process = psutil.Process(pid)
        process.suspend()
        for member in (*process.children(recursive=True), process):
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()


def end_orphans(pool: str, page_processes: Set[int]) -> None:
    """Kill what dead page processes left behind: what a pool's processes have started, and none of them has now.

    A tesseract that hangs does not notice that nobody tells it of further pages.

    Args:
        pool: What POOL_VARIABLE holds in its processes.
        page_processes: Those that live.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            is_of_the_pool = process.environ().get(POOL_VARIABLE) == pool
            if is_of_the_pool and page_processes.isdisjoint(parent.pid for parent in process.parents()):
                process.kill()
