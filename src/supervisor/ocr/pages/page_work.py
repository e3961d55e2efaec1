"""The work on one page, in a page process: open, wait for a slot, prepare, recognise, measure."""

from contextlib import ExitStack
from dataclasses import dataclass

from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.documents.preparation import opened_page
from supervisor.ocr.engines.tesseract import Tesseract
from supervisor.ocr.formats.text import page_text
from supervisor.ocr.hocr import write_page
from supervisor.ocr.known import reused
from supervisor.ocr.layout import PageLayout
from supervisor.ocr.limits import reservation
from supervisor.ocr.pages.page_recogniser import PageRecogniser
from supervisor.ocr.pages.seat import Seat
from supervisor.ocr.pages.stopwatch import TaskClock
from supervisor.ocr.pages.tasks import NotStarted, PageTask, Recognised
from supervisor.ocr.pages.timesheet import Timesheet
from supervisor.ocr.quality import measure
from supervisor.ocr.reading.reading import read_picture
from supervisor.ocr.results import Origin, PageResult


@dataclass(frozen=True)
class Desk:
    """What a page process works with.

    Attributes:
        tesseract: What recognises here.
        seat: Where this process waits for its slot.
        cache: Where a picture that is known already has its result; None if it is to be recognised all the same.
    """

    tesseract: Tesseract
    seat: Seat
    cache: PageCache | None


def recognise_page(task: PageTask, desk: Desk, clock: TaskClock, sheet: Timesheet) -> Recognised | NotStarted:
    """Do a page, under a slot if it has to be looked at.

    Args:
        task: The page.
        desk: Of this process.
        clock: Runs; it rests while the page waits.
        sheet: Where it is written down how the time goes.

    Raises:
        DocumentError: The page cannot be read.
    """
    job = task.job
    with ExitStack() as stack:
        with opened_page(task.document, task.page_number, job) as page:
            if isinstance(page, PageLayout):
                return Recognised(_result(task, page, "text_layer", clock))
            clock.rest()
            with sheet.waiting():
                engines = stack.enter_context(
                    desk.seat.taken(reservation(page.pixels), wanted=lambda: not task.stop_file.exists())
                )
            if engines is None:
                return NotStarted()
            sheet.slot = engines.slot_number
            clock.start()
            picture = page.decode()
        digest = picture.digest()
        sheet.preparing_seconds = clock.seconds
        key = task.keys.page(digest)
        known = desk.cache.pictured(key) if desk.cache else None
        if known is not None:
            return Recognised(reused(known, task.page_number, _milliseconds(clock)), digest)
        recogniser = PageRecogniser(
            engines,
            desk.tesseract,
            job,
            root=task.root,
            folders=task.folders,
            remaining_seconds=lambda: job.page_timeout_seconds - clock.seconds,
            alone=task.is_second_try,
            sheet=sheet,
        )
        reading = read_picture(picture, job, recogniser)
    return Recognised(_result(task, reading.layout, "blank" if reading.is_blank else "ocr", clock, key), digest)


def _result(
    task: PageTask, layout: PageLayout, source: Origin, clock: TaskClock, page_key: str | None = None
) -> PageResult:
    quality = measure(layout)
    # A text layer states no confidence.
    stated = source != "text_layer"
    return PageResult(
        task.page_number,
        "succeeded",
        source,
        page_text(layout),
        write_page(layout),
        quality.mean_confidence if stated else None,
        quality.low_confidence if stated else None,
        quality.weak_word_share if stated else None,
        quality.word_count,
        _milliseconds(clock),
        page_key=page_key,
    )


def _milliseconds(clock: TaskClock) -> int:
    return round(clock.seconds * 1000)
