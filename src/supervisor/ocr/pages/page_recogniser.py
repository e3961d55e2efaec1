"""The recogniser of one page in a page process: its files, its time, its slot's tesseract."""

import contextlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from supervisor.ocr.engines.arguments import settings_of
from supervisor.ocr.engines.choice import can_stream
from supervisor.ocr.engines.orientation import detect_orientation
from supervisor.ocr.engines.page_file import write_page_file
from supervisor.ocr.engines.process import PageTimeoutError
from supervisor.ocr.engines.protocol import EngineSettings
from supervisor.ocr.engines.tesseract import Tesseract
from supervisor.ocr.errors import RecogniserError
from supervisor.ocr.hocr import read_page
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.layout import PageLayout
from supervisor.ocr.limits import memory_limit
from supervisor.ocr.pages.page_files import PageFolders
from supervisor.ocr.pages.seat import Engines
from supervisor.ocr.pages.timesheet import Timesheet
from supervisor.ocr.reading.picture import Picture

# For a page process it is one job or a few.
_can_stream = lru_cache(maxsize=64)(can_stream)


class PageRecogniser:
    """A `Recogniser` for one page.

    Args:
        engines: Of the slot that the page has.
        tesseract: What they start.
        job: Languages and the other settings.
        root: The top of the workspace, which the job's own paths are relative to.
        folders: Where pictures are handed over.
        remaining_seconds: How much of the page's time is left.
        alone: Whether to use a tesseract of its own: for a second try.
        sheet: Where the time in tesseract is written down.
    """

    def __init__(
        self,
        engines: Engines,
        tesseract: Tesseract,
        job: Job,
        *,
        root: Path,
        folders: PageFolders,
        remaining_seconds: Callable[[], float],
        alone: bool,
        sheet: Timesheet,
    ) -> None:
        self._engines = engines
        self._tesseract = tesseract
        self._job = job
        self._root = root
        self._folders = folders
        self._remaining_seconds = remaining_seconds
        self._alone = alone
        self._sheet = sheet

    def recognise(self, picture: Picture) -> PageLayout:
        """Return what stands in a picture; boxes in pixels of that picture."""
        settings = self._settings()
        streams = not self._alone and _can_stream(settings, self._tesseract)
        if not streams:
            # One tesseract at a time: the slot is for no more.
            self._engines.close()
        engine = self._engines.streaming if streams else self._engines.single
        with self._told_in_seconds(), self._sheet.recognising():
            hocr = engine.recognise(self._write(picture), settings, timeout_seconds=self._remaining())
        return read_page(hocr, picture.dpi)

    def orientation(self, picture: Picture) -> int | None:
        """Return the degrees clockwise that would set a picture upright; None if nobody can tell."""
        self._engines.close()
        with self._told_in_seconds(), self._sheet.recognising():
            return detect_orientation(
                self._write(picture),
                self._settings(),
                timeout_seconds=self._remaining(),
                keep_open=self._engines.keep_open,
            )

    def _settings(self) -> EngineSettings:
        return settings_of(self._job, self._root, memory_bytes=memory_limit(self._job.max_image_megapixels))

    def _write(self, picture: Picture) -> Path:
        width, height = picture.image.size
        return self._folders.write(
            "page.tif", width * height, lambda stream: write_page_file(picture.image, picture.dpi, stream)
        )

    def _remaining(self) -> float:
        remaining = self._remaining_seconds()
        if remaining <= 0:
            raise PageTimeoutError
        return remaining

    @contextlib.contextmanager
    def _told_in_seconds(self) -> Iterator[None]:
        """Name the limit of the job, which what runs tesseract does not know."""
        try:
            yield
        except PageTimeoutError as error:
            limit_seconds = self._job.page_timeout_seconds
            reason = f"took longer than page_timeout_seconds = {limit_seconds}"
            raise RecogniserError(reason, said=error.said) from error
