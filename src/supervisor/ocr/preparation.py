"""Page preparation: from a page of a document to a PGM in memory-backed storage, or to the text it already has."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from supervisor.ocr.documents import Document
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.file_kinds import FileKind
from supervisor.ocr.images import read_frame
from supervisor.ocr.job import Job
from supervisor.ocr.pdf import affordable_dpi, native_dpi, opened_pdf, render_page
from supervisor.ocr.text_layer import TextLayer, read_text_layer

# Left free beside the page for tesseract's output and for what other pages write at the same moment.
_ROOM_TO_LEAVE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class PageFolders:
    """Where one page may put its files; both are this page's own and need not exist yet.

    Attributes:
        scratch: In memory-backed storage.
        spill: On disk, for pages that memory has no room for.
    """

    scratch: Path
    spill: Path


@dataclass(frozen=True)
class PreparedPage:
    """A grey page in a file that tesseract reads; PGM states no resolution, so `dpi` has to be handed on."""

    file: Path
    dpi: int


def prepare_page(document: Document, page_number: int, job: Job, folders: PageFolders) -> PreparedPage | TextLayer:
    """Prepare one page.

    Raises:
        DocumentError: It cannot be read, is too large, or there is no room for it.
    """
    match document.signature.kind:
        case FileKind.PDF:
            return _prepare_pdf_page(document.file, page_number, job, folders)
        case _:
            frame = read_frame(
                document.file,
                document.signature,
                page_number,
                max_megapixels=job.max_image_megapixels,
                dpi=job.dpi,
            )
            return PreparedPage(write_pgm(frame.image.tobytes(), *frame.image.size, folders), frame.dpi)


def _prepare_pdf_page(file: Path, page_number: int, job: Job, folders: PageFolders) -> PreparedPage | TextLayer:
    with opened_pdf(file) as pdf:
        page = pdf[page_number - 1]
        dpi = affordable_dpi(page, native_dpi(page, job.dpi), job.max_image_megapixels)
        if job.text_layer == "skip":
            layer = read_text_layer(page, dpi)
            if layer is not None:
                return layer
        pixmap = render_page(page, dpi)
        return PreparedPage(write_pgm(pixmap.samples_mv, pixmap.width, pixmap.height, folders), dpi)


def write_pgm(pixels: bytes | memoryview, width: int, height: int, folders: PageFolders) -> Path:
    """Write uint8[height, width] where there is room, in memory if possible.

    Raises:
        DocumentError: Neither folder has room.
    """
    header = f"P5\n{width} {height}\n255\n".encode()
    size_bytes = len(header) + width * height
    for folder in (folders.scratch, folders.spill):
        folder.mkdir(parents=True, exist_ok=True)
        space = os.statvfs(folder)
        if space.f_bavail * space.f_frsize < size_bytes + _ROOM_TO_LEAVE_BYTES:
            continue
        file = folder / "page.pgm"
        try:
            with file.open("wb") as stream:
                stream.write(header)
                stream.write(pixels)
        except OSError as error:
            # Somebody else was faster than the look at the free space.
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            file.unlink(missing_ok=True)
        else:
            return file
    raise DocumentError(
        f"needs {size_bytes / 1e6:,.0f} MB for the prepared page, "
        f"and neither {folders.scratch.parent} nor {folders.spill.parent} has that much room"
    )
