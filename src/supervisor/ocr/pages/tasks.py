"""What page processes are asked to do, and answer.

Nothing here imports a decoder: who hands out the tasks needs none, and starts sooner without.
"""

from dataclasses import dataclass
from pathlib import Path

from supervisor.ocr.cache.keys import JobKeys
from supervisor.ocr.documents.document import Document
from supervisor.ocr.engines.tesseract import Tesseract
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.pages.page_files import PageFolders
from supervisor.ocr.pages.page_process import KeptOpen
from supervisor.ocr.results import PageResult
from supervisor.ocr.slots.budget import SlotBudget

# The supervising process ends an overdue task after page_timeout_seconds and this; the process itself, in case nobody
# supervises it any more, after twice that margin.
MARGIN_SECONDS = 2.0


@dataclass(frozen=True)
class PageSetup:
    """What every process of a pool is made with.

    Attributes:
        kept: Descriptors that it keeps open for life.
        folders: Of the pool; removed when the supervising process dies.
        tesseract: What recognises here.
        slots: The machine's budget.
        cache_directory: Where known pages are looked up by their pixels; None for nowhere.
        log_level: From which on it writes lines of a log; None if people read what it prints.
    """

    kept: KeptOpen
    folders: tuple[Path, ...]
    tesseract: Tesseract
    slots: SlotBudget
    cache_directory: Path | None
    log_level: str | None


@dataclass(frozen=True)
class OpenTask:
    """Open one document."""

    path: Path
    root: Path
    lfs_objects_dir: Path | None
    blob_sha: str | None
    job: Job
    stop_file: Path
    stopwatch: Path
    is_second_try: bool = False

    @property
    def limit_seconds(self) -> float:
        """How long it may be at work."""
        return self.job.page_timeout_seconds


@dataclass(frozen=True)
class PageTask:
    """Recognise one page.

    Attributes:
        root: The top of the workspace.
        stop_file: Once it exists the page is not begun.
        stopwatch: Where the time at work is told.
        keys: What the job's pages are known by.
        is_second_try: Then it gets a tesseract of its own.
    """

    document: Document
    page_number: int
    root: Path
    job: Job
    folders: PageFolders
    stop_file: Path
    stopwatch: Path
    keys: JobKeys
    is_second_try: bool = False

    @property
    def limit_seconds(self) -> float:
        """How long it may be at work."""
        return self.job.page_timeout_seconds


@dataclass(frozen=True)
class SearchableTask:
    """Make the searchable PDF of one document; pages that keep their own text are None, others hOCR."""

    document: Document
    pages: tuple[str | None, ...]
    job: Job
    target: Path
    stop_file: Path
    stopwatch: Path
    is_second_try: bool = False

    @property
    def limit_seconds(self) -> float:
        """How long it may be at work: as long as all its pages."""
        return self.job.page_timeout_seconds * max(1, len(self.pages))


Task = OpenTask | PageTask | SearchableTask


@dataclass(frozen=True)
class NotStarted:
    """The task was still waiting when everything was told to stop."""


@dataclass(frozen=True)
class Refused:
    """The document cannot be opened, or its PDF cannot be made."""

    reason: str


@dataclass(frozen=True)
class Recognised:
    """A page with its result, and the digest of its picture, by which others may know it; None without a picture."""

    page: PageResult
    picture: str | None = None


@dataclass(frozen=True)
class NoRoom:
    """A disk is too full for the task, which says nothing about its document."""

    reason: str


@dataclass(frozen=True)
class Killed:
    """tesseract was ended by a signal that nobody here sent; the page deserves a second try."""

    page: PageResult


Answer = Document | Path | Recognised | Refused | Killed | NoRoom | NotStarted
