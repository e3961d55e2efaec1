"""Ending what a test has started, whatever that has started itself."""

import contextlib
from collections.abc import Callable, Sequence

import psutil


def end_all(living: Callable[[], Sequence[psutil.Process]]) -> None:
    """Kill what lives until nothing does: each process may have started another before it was killed."""
    while found := living():
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found, timeout=5)
