"""The environment of executors: made from an allow-list, so that no credential or `GIT_*` variable reaches them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from supervisor.logs.lines import LEVEL_VARIABLE

_ALLOWED = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TESSDATA_PREFIX", "LD_LIBRARY_PATH", "USER"}
    | {"SUPERVISOR_OCR_SLOTS", "SUPERVISOR_SLOTS_DIR", LEVEL_VARIABLE}
)
_SET = {
    # tesseract's own threads slow it down several times over when pages run side by side (tesseract#3109).
    "OMP_THREAD_LIMIT": "1",
    "PYTHONUNBUFFERED": "1",
    # The tracker removes the semaphores of an executor that was killed, and need not tell the terminal.
    "PYTHONWARNINGS": "ignore:resource_tracker:UserWarning",
}


def executor_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what an executor may see of an environment."""
    kept = {name: value for name, value in environment.items() if name in _ALLOWED or name.startswith("LC_")}
    return kept | _SET


@contextmanager
def replaced_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Run a block under another environment.

    For starting the fork server, which takes the process's own: nothing else may run in the meantime that reads it.
    """
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
