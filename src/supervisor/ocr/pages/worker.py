"""What runs inside a pool process: opening documents, recognising pages, and dying properly."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import assert_never

import psutil
from PIL import Image

from supervisor.errors import NoRoomError, SurroundingsError
from supervisor.locks.own_folder import remove_unless_used
from supervisor.locks.processes import wait_until
from supervisor.logs.standard import facts, log_to
from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.characters import one_line
from supervisor.ocr.documents.blobs import is_blob
from supervisor.ocr.documents.document import Document
from supervisor.ocr.documents.opening import open_document
from supervisor.ocr.documents.pdf import silence_mupdf
from supervisor.ocr.errors import DocumentError, RecogniserError
from supervisor.ocr.hocr import read_page
from supervisor.ocr.limits import limited_memory, memory_limit
from supervisor.ocr.pages.page_process import KeptOpen, mark_descendants
from supervisor.ocr.pages.page_work import Desk, recognise_page
from supervisor.ocr.pages.seat import Seat
from supervisor.ocr.pages.stopwatch import Stopwatch, TaskClock
from supervisor.ocr.pages.tasks import (
    MARGIN_SECONDS,
    Answer,
    Killed,
    NoRoom,
    NotStarted,
    OpenTask,
    PageSetup,
    PageTask,
    Recognised,
    Refused,
    SearchableTask,
    Task,
)
from supervisor.ocr.pages.timesheet import Timesheet
from supervisor.ocr.results import PageResult
from supervisor.ocr.searchable.searchable_pdf import make_searchable
from supervisor.room import needing_room

# A process that ends closes its files one after the other: the pipe that tells us, then the lock of a folder.
_CLOSING_SECONDS = 0.2
_NO_MEMORY = "needs more memory than max_image_megapixels allows for"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Process:
    """What a page process has for life; `start_page_process` makes the one there is."""

    kept: KeptOpen
    desk: Desk


_process: _Process | None = None


def start_page_process(setup: PageSetup) -> None:
    """Make a fresh process fit for pages: called once, before its first task."""
    global _process  # noqa: PLW0603 (pebble gives a task nothing but its arguments)
    os.environ["OMP_THREAD_LIMIT"] = "1"
    mark_descendants(str(setup.folders[0]))
    # What decoders print must never mix with a report on standard output.
    os.dup2(2, 1)
    if setup.log_level is not None:
        log_to(2, setup.log_level)
    silence_mupdf()
    # Sizes are checked where documents are opened, by what the job allows.
    Image.MAX_IMAGE_PIXELS = None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_by_signal)
    threading.Thread(target=_end_with_parent, args=(setup.folders,), name="parent watch", daemon=True).start()
    cache = PageCache(setup.cache_directory) if setup.cache_directory else None
    _process = _Process(setup.kept, Desk(setup.tesseract, Seat(setup.slots), cache))


def perform(task: Task) -> Answer:
    """Do a task; a reason is a result."""
    match task:
        case OpenTask():
            return _open(task)
        case PageTask():
            return _recognise(task)
        case SearchableTask():
            return _make_searchable(task)
        case _:
            assert_never(task)


def _open(task: OpenTask) -> Document | Refused | NotStarted:
    if task.stop_file.exists():
        return NotStarted()
    try:
        with _at_work(task):
            document = open_document(
                task.path,
                root=task.root,
                lfs_objects_dir=task.lfs_objects_dir,
                max_image_megapixels=task.job.max_image_megapixels,
            )
            return replace(document, is_blob=task.blob_sha is not None and is_blob(task.path, task.blob_sha))
    except (DocumentError, SurroundingsError) as error:
        return Refused(error.message)
    except Exception as error:  # noqa: BLE001 - one document must not take the others with it, whatever the defect
        _log.exception("a document could not be opened", extra=facts(file=task.path))
        return Refused(_defect(error))


def _recognise(task: PageTask) -> Recognised | Killed | NoRoom | NotStarted:
    if task.stop_file.exists():
        return NotStarted()
    if _process is None:
        raise RuntimeError("this process was not started as a page process")
    sheet = Timesheet()
    try:
        with _at_work(task) as clock:
            answer = _page(task, _process.desk, clock, sheet)
    finally:
        task.folders.remove()
    if isinstance(answer, Recognised | Killed):
        return replace(answer, page=replace(answer.page, timing=sheet.timing()))
    return answer


def _page(task: PageTask, desk: Desk, clock: TaskClock, sheet: Timesheet) -> Recognised | Killed | NoRoom | NotStarted:
    try:
        return recognise_page(task, desk, clock, sheet)
    except (DocumentError, SurroundingsError) as error:
        return _without_text(task, clock, error)
    except MemoryError:
        return Recognised(_failed(task, clock, _NO_MEMORY))
    except Exception as error:  # noqa: BLE001 - one page must not take the others with it, whatever the defect
        told = facts(file=task.document.file, page_number=task.page_number)
        _log.exception("a page could not be recognised", extra=told)
        return Recognised(_failed(task, clock, _defect(error)))


def _make_searchable(task: SearchableTask) -> Path | Refused | NoRoom | NotStarted:
    if task.stop_file.exists():
        return NotStarted()
    try:
        with _at_work(task):
            with needing_room(task.target.parent):
                task.target.parent.mkdir(parents=True, exist_ok=True)
            layouts = [None if page is None else read_page(page) for page in task.pages]
            make_searchable(task.document, layouts, task.job, task.target)
            return task.target
    except NoRoomError as error:
        return NoRoom(error.message)
    except (DocumentError, SurroundingsError) as error:
        return Refused(error.message)
    except Exception as error:  # noqa: BLE001 - one document must not take the others with it, whatever the defect
        _log.exception("a searchable PDF could not be made", extra=facts(file=task.document.file))
        return Refused(_defect(error))


def _without_text(
    task: PageTask, clock: TaskClock, error: DocumentError | SurroundingsError
) -> Recognised | Killed | NoRoom:
    if isinstance(error, NoRoomError):
        return NoRoom(error.message)
    page = _failed(task, clock, error.message)
    if not isinstance(error, RecogniserError):
        return Recognised(page)
    page = replace(page, said=error.said or None)
    return Recognised(page) if error.killed_by is None else Killed(page)


def _failed(task: PageTask, clock: TaskClock, reason: str) -> PageResult:
    return PageResult(task.page_number, "failed", duration_ms=round(clock.seconds * 1000), error=reason)


def _defect(error: Exception) -> str:
    return f"the program failed: {type(error).__name__}: {one_line(str(error))}"


@contextlib.contextmanager
def _at_work(task: Task) -> Iterator[TaskClock]:
    """Hold a task to its time and its memory."""
    clock = TaskClock(Stopwatch(task.stopwatch), task.limit_seconds + 2 * MARGIN_SECONDS)
    clock.start()
    try:
        with limited_memory(memory_limit(task.job.max_image_megapixels)):
            yield clock
    except MemoryError as error:
        raise DocumentError(_NO_MEMORY) from error
    finally:
        clock.rest()


def _end_with_parent(folders: tuple[Path, ...]) -> None:
    """Wait until the supervising process is gone, or has given us up, and follow it at once."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    # The folders go first: a tesseract that starts at this very moment finds no page and ends by itself. Not those of a
    # process that lives: it takes us for dead where our fork server is.
    wait_until(lambda: all(remove_unless_used(folder) for folder in folders), _CLOSING_SECONDS)
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
