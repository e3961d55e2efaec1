"""A pool process seen from outside: how it is started, and how it is ended together with its tesseract."""

import contextlib
import os
from collections.abc import Callable, Sequence
from multiprocessing import reduction
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

import psutil

FORK_SERVER_GONE = 255
"""What multiprocessing makes of the exit code of a process, which may well live, when its fork server has ended."""
_POOL_VARIABLE = "SUPERVISOR_PAGE_POOL"
"""Tells in the environment of a tesseract whose it is: the page process's number, a space, and the pool."""


class PageProcess(ForkServerProcess):
    """A pool process whose end is also the end of its descendants.

    pebble calls `terminate` on a time limit and at shutdown. SIGTERM would wait for a process that is busy in MuPDF,
    which holds the interpreter lock, and would leave tesseract running.

    Attributes:
        is_accounted_for: Its end was our doing, or has cost the task that it was at.
    """

    is_accounted_for = False

    def terminate(self) -> None:
        """Kill the process and everything it started."""
        self.is_accounted_for = True
        if self.pid is not None and self.exitcode in {None, FORK_SERVER_GONE}:
            end_process_tree(self.pid)

    @property
    def has_vanished(self) -> bool:
        """Whether it has ended, and nobody knows yet what that has cost."""
        return not self.is_accounted_for and self.exitcode not in {None, 0}


class PageProcessContext(ForkServerContext):
    """A forkserver context that starts `PageProcess`es and remembers them."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[PageProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> PageProcess:  # type: ignore[override]  # noqa: N802 - its name
        """Create a process; the caller starts it."""
        self.processes = [process for process in self.processes if process.exitcode is None or process.has_vanished]
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


def mark_descendants(pool: str) -> None:
    """Let all that this page process starts from now on tell whose it is."""
    os.environ[_POOL_VARIABLE] = f"{os.getpid()} {pool}"


def end_orphans(pool: str) -> None:
    """Kill what the dead page processes of a pool left behind: what does not descend from the one that started it.

    A tesseract that hangs does not notice that nobody tells it of further pages. Which page processes live is not
    asked: one that is only just known to be starting may have a tesseract already.

    Args:
        pool: What its processes gave to `mark_descendants`.
    """
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            page_process, _, its_pool = process.environ().get(_POOL_VARIABLE, "").partition(" ")
            if its_pool == pool and int(page_process) not in {parent.pid for parent in process.parents()}:
                process.kill()
