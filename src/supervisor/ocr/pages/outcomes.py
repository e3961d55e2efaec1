"""What became of a task: its answer, or the reason why its process did not live to give one."""

import logging
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeVar

from pebble import ProcessExpired

from supervisor.ocr.characters import one_line
from supervisor.ocr.errors import signal_name
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.pages.page_process import FORK_SERVER_GONE

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lost:
    """A task whose process did not answer.

    Attributes:
        reason: For the page or document that the task was about.
        may_pass: The cause may lie elsewhere, so the task deserves a second try.
    """

    reason: str
    may_pass: bool


def outcome_of(future: Future[Answer], job: Job) -> Answer | Lost:
    """Return what a finished future holds, its exceptions as reasons."""
    try:
        return future.result()
    except CancelledError:
        # Nobody cancels a task but for its time.
        return Lost(f"took longer than page_timeout_seconds = {job.page_timeout_seconds}", may_pass=False)
    except ProcessExpired as error:
        return _lost(error.exitcode)
    except BrokenProcessPool:
        return Lost("the page processes died", may_pass=True)
    except Exception as error:  # noqa: BLE001 - whatever came out of another process costs its task alone
        _log.exception("a page process did not answer")
        return Lost(f"the program failed: {type(error).__name__}: {one_line(str(error))}", may_pass=False)


def _lost(exit_code: int) -> Lost:
    if exit_code < 0:
        return Lost(f"the page process was killed by {signal_name(-exit_code)}", may_pass=True)
    if exit_code == FORK_SERVER_GONE:
        return Lost("what page processes are forked from has ended", may_pass=True)
    return Lost(f"the page process ended with exit code {exit_code}", may_pass=False)
