"""Page preparation: from a page of a document to its picture, or to the text that it already has."""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from supervisor.ocr.documents.document import Document
from supervisor.ocr.documents.file_kinds import FileKind
from supervisor.ocr.documents.images import opened_frame
from supervisor.ocr.documents.pdf import POINTS_PER_INCH, affordable_dpi, native_dpi, opened_pdf, render_page
from supervisor.ocr.documents.text_layer import kept_layer
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.layout import PageLayout
from supervisor.ocr.reading.picture import Picture


@dataclass(frozen=True)
class PagePlan:
    """What it takes to prepare a page.

    Attributes:
        pixels: How many the picture has, before it is decoded.
        decode: Makes the picture, which is when memory and time are needed; only while the page is open.
    """

    pixels: int
    decode: Callable[[], Picture]


@contextlib.contextmanager
def opened_page(document: Document, page_number: int, job: Job) -> Iterator[PagePlan | PageLayout]:
    """Open a page: a plan for its picture, or the text that it already has.

    Raises:
        DocumentError: It cannot be read, or is too large.
    """
    match document.signature.kind:
        case FileKind.PDF:
            with opened_pdf(document.file) as pdf:
                page = pdf[page_number - 1]
                dpi = affordable_dpi(page, native_dpi(page, job.dpi), job.max_image_megapixels)
                yield kept_layer(page, job, dpi) or _pdf_plan(page, dpi)
        case _:
            with opened_frame(
                document.file,
                document.signature,
                page_number,
                max_megapixels=job.max_image_megapixels,
                dpi=job.dpi,
            ) as ((width, height), decode):
                yield PagePlan(width * height, decode)


def _pdf_plan(page: object, dpi: int) -> PagePlan:
    def decode() -> Picture:
        pixmap = render_page(page, dpi)
        return Picture(Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples_mv), dpi)

    scale = dpi / POINTS_PER_INCH
    return PagePlan(math.ceil(page.rect.width * scale) * math.ceil(page.rect.height * scale), decode)  # type: ignore[attr-defined]  # PyMuPDF
