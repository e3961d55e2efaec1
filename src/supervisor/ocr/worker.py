"""What runs inside a pool process: opening documents, recognising pages, and dying properly."""

import contextlib
import faulthandler
import logging
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType

import psutil

from supervisor.errors import SurroundingsError
from supervisor.ocr.characters import one_line
from supervisor.ocr.documents import Document, open_document
from supervisor.ocr.errors import DocumentError, RecogniserError
from supervisor.ocr.job import Job
from supervisor.ocr.page_process import KeptOpen
from supervisor.ocr.pdf import silence_mupdf
from supervisor.ocr.preparation import PageFolders, prepare_page
from supervisor.ocr.quality import measure
from supervisor.ocr.recognition import recognise
from supervisor.ocr.results import PageResult
from supervisor.ocr.text_layer import TextLayer

# The supervising process ends an overdue page after page_timeout_seconds and this; the process itself, in case nobody
# supervises it any more, after twice that margin.
MARGIN_SECONDS = 2.0
_log = logging.getLogger(__name__)
_kept_for_life: list[KeptOpen] = []


@dataclass(frozen=True)
class OpenTask:
    """Open one document."""

    path: Path
    root: Path
    lfs_objects_dir: Path | None
    job: Job
    stop_file: Path


@dataclass(frozen=True)
class PageTask:
    """Recognise one page; once `stop_file` exists it is not begun."""

    document: Document
    page_number: int
    root: Path
    job: Job
    folders: PageFolders
    stop_file: Path


@dataclass(frozen=True)
class NotStarted:
    """The task was still waiting when everything was told to stop."""


@dataclass(frozen=True)
class Refused:
    """The document cannot be opened."""

    reason: str


@dataclass(frozen=True)
class Killed:
    """tesseract was ended by a signal that nobody here sent; the page deserves a second try."""

    page: PageResult


def start_page_process(kept: KeptOpen, folders: tuple[Path, ...]) -> None:
    """Make a fresh process fit for pages: called once, before its first task."""
    os.environ["OMP_THREAD_LIMIT"] = "1"
    # What decoders print must never mix with a report on standard output.
    os.dup2(2, 1)
    silence_mupdf()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_by_signal)
    threading.Thread(target=_end_with_parent, args=(folders,), name="parent watch", daemon=True).start()
    _kept_for_life.append(kept)


def open_task(task: OpenTask) -> Document | Refused | NotStarted:
    """Open a document; a reason is a result."""
    if task.stop_file.exists():
        return NotStarted()
    with _last_resort(task.job):
        try:
            return open_document(
                task.path,
                root=task.root,
                lfs_objects_dir=task.lfs_objects_dir,
                max_image_megapixels=task.job.max_image_megapixels,
            )
        except (DocumentError, SurroundingsError) as error:
            return Refused(error.message)
        except Exception as error:  # noqa: BLE001 - one document must not take the others with it, whatever the defect
            _log.exception("opening %s", task.path)
            return Refused(_defect(error))


def page_task(task: PageTask) -> PageResult | Killed | NotStarted:
    """Prepare and recognise a page; a failure is a result."""
    if task.stop_file.exists():
        return NotStarted()
    started = time.monotonic()
    with _last_resort(task.job):
        try:
            return _recognise(task, started)
        except RecogniserError as error:
            page = _failed(task, started, error.message)
            return page if error.killed_by is None else Killed(page)
        except (DocumentError, SurroundingsError) as error:
            return _failed(task, started, error.message)
        except Exception as error:  # noqa: BLE001 - one page must not take the others with it, whatever the defect
            _log.exception("page %d of %s", task.page_number, task.document.file)
            return _failed(task, started, _defect(error))
        finally:
            remove_folders(task.folders)


def remove_folders(folders: PageFolders) -> None:
    """Remove what a page left in memory and on disk."""
    for folder in (folders.scratch, folders.spill):
        shutil.rmtree(folder, ignore_errors=True)


def _recognise(task: PageTask, started: float) -> PageResult:
    prepared = prepare_page(task.document, task.page_number, task.job, task.folders)
    if isinstance(prepared, TextLayer):
        return PageResult(
            task.page_number,
            "succeeded",
            "text_layer",
            prepared.text,
            prepared.tsv,
            word_count=prepared.word_count,
            duration_ms=_elapsed_ms(started),
        )
    remaining_seconds = task.job.page_timeout_seconds - (time.monotonic() - started)
    recognised = recognise(prepared, task.job, root=task.root, timeout_seconds=remaining_seconds)
    quality = measure(recognised.tsv)
    return PageResult(
        task.page_number,
        "succeeded",
        "ocr",
        recognised.text,
        recognised.tsv,
        quality.mean_confidence,
        quality.low_confidence,
        quality.weak_word_share,
        quality.word_count,
        _elapsed_ms(started),
    )


def _failed(task: PageTask, started: float, reason: str) -> PageResult:
    return PageResult(task.page_number, "failed", duration_ms=_elapsed_ms(started), error=reason)


def _defect(error: Exception) -> str:
    return f"the program failed: {type(error).__name__}: {one_line(str(error))}"


def _elapsed_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


@contextlib.contextmanager
def _last_resort(job: Job) -> Iterator[None]:
    """End this process from a thread that needs no interpreter lock, if MuPDF hangs and the parent is gone."""
    faulthandler.dump_traceback_later(job.page_timeout_seconds + 2 * MARGIN_SECONDS, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _end_with_parent(folders: tuple[Path, ...]) -> None:
    """Wait until the supervising process is gone, and follow it at once."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    # The folders go first: a tesseract that starts at this very moment finds no page and ends by itself.
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    _end_children()
    os._exit(1)


def _end_by_signal(number: int, _frame: FrameType | None) -> None:
    _end_children()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _end_children() -> None:
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
