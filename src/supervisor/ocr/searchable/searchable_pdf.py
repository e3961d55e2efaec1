"""Searchable PDFs: the original page, and invisible text where its words stand."""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pymupdf
from pymupdf import mupdf

from supervisor.errors import NoRoomError
from supervisor.ocr.characters import one_line
from supervisor.ocr.documents.document import Document
from supervisor.ocr.documents.file_kinds import FileKind
from supervisor.ocr.documents.pdf import opened_pdf
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.layout import PageLayout
from supervisor.ocr.searchable.overlay import lay_text
from supervisor.ocr.searchable.picture_pdf import picture_pdf
from supervisor.ocr.searchable.present_text import remove_invisible_text, without_present_words
from supervisor.ocr.searchable.signature import is_signed
from supervisor.room import is_full


def make_searchable(document: Document, pages: Sequence[PageLayout | None], job: Job, target: Path) -> None:
    """Write a document as a PDF whose pages can be searched; the same input gives the same bytes.

    Decodes hostile files: call it in a page process.

    Args:
        document: A PDF stays what it is, byte by byte where it can; the frames of an image become pages.
        pages: The recognised text of each page; None for pages that stay as they are: kept text layers, failed pages,
            and those not selected.
        job: What the pages were recognised with.
        target: Replaced if all went well.

    Raises:
        DocumentError: The document is signed, or cannot be written as a PDF.
        NoRoomError: There is no room for it.
    """
    layouts = {index: layout for index, layout in enumerate(pages) if layout is not None and any(layout.words())}
    draft = target.with_name(f"{target.name}.draft")
    try:
        match document.signature.kind:
            case FileKind.PDF:
                _write_pdf(document.file, layouts, draft)
            case _:
                _write_pictures(document, layouts, job, draft)
        draft.replace(target)
    except Exception as error:
        # MuPDF says in words of its own what the system has told it.
        if is_full(target.parent):
            raise NoRoomError(f"no room is left on the disk of {target}") from error
        raise
    finally:
        draft.unlink(missing_ok=True)


def _write_pdf(file: Path, layouts: Mapping[int, PageLayout], draft: Path) -> None:
    shutil.copyfile(file, draft)
    if not layouts:
        return
    with opened_pdf(draft) as pdf:
        if is_signed(pdf):
            raise DocumentError("is signed; text laid onto its pages would break the signature")
        for index in layouts:
            remove_invisible_text(pdf, index)
        lay_text(pdf, {index: without_present_words(pdf[index], layout) for index, layout in layouts.items()})
        # Only files that open without a password come here. Encrypting what is added takes random numbers, so that no
        # two results were equal; the copy is written without.
        if pdf.can_save_incrementally() and not pdf.metadata["encryption"]:
            pdf.save(draft, incremental=True, encryption=mupdf.PDF_ENCRYPT_KEEP, no_new_id=True)
            return
        rewritten = pdf.tobytes(encryption=mupdf.PDF_ENCRYPT_NONE, no_new_id=True)
    draft.write_bytes(rewritten)


def _write_pictures(document: Document, layouts: Mapping[int, PageLayout], job: Job, draft: Path) -> None:
    try:
        content = picture_pdf(document, job)
    except DocumentError:
        raise
    except MemoryError as error:
        raise DocumentError("needs more memory than there is to become a PDF") from error
    except Exception as error:  # Pillow and img2pdf raise anything on broken input
        detail = one_line(str(error)) or type(error).__name__
        raise DocumentError(f"is {document.signature.label} that cannot become a PDF ({detail})") from error
    with pymupdf.open("pdf", content) as pdf:
        lay_text(pdf, layouts)
        pdf.save(draft, no_new_id=True)
