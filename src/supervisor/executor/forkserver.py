"""The fork server: one process with everything imported, which executors are forked from in milliseconds.

multiprocessing starts and restarts it by itself and offers no way to end it or to ask whether it lives; the private
names used here are those that its own tests use, and the same from Python 3.11 to 3.13.
"""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import context, forkserver, get_context, resource_tracker

from supervisor.executor.environment import executor_environment, replaced_environment
from supervisor.executor.process_files import process_files
from supervisor.locks.processes import started_at


def ensure_fork_server(environment: Mapping[str, str]) -> bool:
    """Start the fork server with a cleaned environment, unless it lives; return whether it had to be started.

    Left to itself, multiprocessing would start it with the whole environment of this process.
    """
    if _lives():
        return False
    fork_context().set_forkserver_preload(["supervisor.executor.shield", "supervisor.executor.entry"])
    with replaced_environment(executor_environment(environment)):
        # Before what follows: when it begins it lets signals through again.
        resource_tracker.ensure_running()
        with _no_interrupts():
            forkserver.ensure_running()
    return True


def stop_fork_server() -> None:
    """End the fork server and wait for it, so that no process of ours is left when we end."""
    pid = _pid()
    if pid is None:
        return
    # It keeps nothing that is worth an orderly end, and may still be importing. Nobody else reaps it, so the number is
    # its own.
    os.kill(pid, signal.SIGKILL)
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # noqa: SLF001 (see the module)
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]  # noqa: SLF001 (see the module)


@contextmanager
def fork_server(environment: Mapping[str, str]) -> Iterator[None]:
    """Have a fork server while the block runs, and end it if it was not there before."""
    with process_files():
        was_there = _lives()
        try:
            ensure_fork_server(environment)
            yield
        finally:
            if not was_there:
                stop_fork_server()


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Hold SIGINT back here, and for good in what is started meanwhile.

    The fork server ignores it, but not before everything is imported: until then Ctrl-C would print a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def fork_context() -> context.ForkServerContext:
    """Return the context that executors are made in."""
    return get_context("forkserver")


def _lives() -> bool:
    pid = _pid()
    return pid is not None and started_at(pid) is not None


def _pid() -> int | None:
    pid: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]  # noqa: SLF001 (see the module)
    return pid
