"""What a pool calls in its processes.

Nothing here imports a decoder: who hands out the tasks needs none, and starts sooner without.
"""

from importlib import import_module
from types import ModuleType

from supervisor.ocr.pages.tasks import Answer, PageSetup, Task


def begin(setup: PageSetup) -> None:
    """Make a fresh process fit for pages: called once, before its first task."""
    _worker().start_page_process(setup)


def perform(task: Task) -> Answer:
    """Do a task in a page process; a reason is a result."""
    answer: Answer = _worker().perform(task)
    return answer


def _worker() -> ModuleType:
    # What page processes are forked from has imported it.
    return import_module("supervisor.ocr.pages.worker")
