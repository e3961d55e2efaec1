"""A document's results: made from its pages, the same bytes every time, and put under its path in one folder."""

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from supervisor.model.paths import path_text
from supervisor.ocr.formats.alto import alto_file, empty_page_element, page_element
from supervisor.ocr.formats.folder import document_folder, link_if_equal, replacing
from supervisor.ocr.formats.hocr_file import hocr_file
from supervisor.ocr.formats.remembered import RememberedPages
from supervisor.ocr.formats.report import json_file, layout_members, members_without_layout, page_object
from supervisor.ocr.formats.tsv import HEADER, page_rows
from supervisor.ocr.hocr import empty_page, write_page
from supervisor.ocr.jobs.job import Format
from supervisor.ocr.results import PageResult

TextFormat = Literal["txt", "tsv", "hocr", "alto", "json"]
SUFFIXES: dict[Format, str] = {
    "txt": ".txt",
    "tsv": ".tsv",
    "hocr": ".hocr",
    "alto": ".alto.xml",
    "pdf": ".pdf",
    "json": ".json",
}

_members = RememberedPages(lambda layout, _: layout_members(layout), lambda _: members_without_layout())
# What a page contributes to each format, and how a document, of that name, is made of these.
_PARTS: dict[TextFormat, Callable[[PageResult], str]] = {
    "txt": lambda page: page.text,
    "tsv": RememberedPages(page_rows, lambda _: ""),
    "hocr": RememberedPages(lambda layout, number: write_page(layout, page_number=number), empty_page),
    "alto": RememberedPages(page_element, empty_page_element),
    "json": lambda page: page_object(page, _members(page)),
}
_FILES: dict[TextFormat, Callable[[str, Sequence[str]], str]] = {
    "txt": lambda _, pages: "\f".join(pages),
    "tsv": lambda _, pages: "".join((HEADER, *pages)),
    "hocr": hocr_file,
    "alto": alto_file,
    "json": json_file,
}


def assemble(name: str, pages: Sequence[PageResult], formats: Iterable[Format]) -> dict[Format, bytes]:
    """Make a document's results out of all its pages, in order; a page without result stays in its place, empty.

    A searchable PDF is no matter of text: `pdf` is passed over. Not thread-safe.

    Args:
        name: The document's path in the repository, as text or as `os.fsdecode` spells it.
        pages: Every page of the document.
        formats: Which results.

    Raises:
        RecogniserError: A master is no hOCR.
    """
    parts: dict[TextFormat, list[str]] = {form: [] for form in formats if form != "pdf"}
    for page in pages:
        for form, written in parts.items():
            written.append(_PARTS[form](page))
    document = path_text(os.fsencode(name))
    return {form: _FILES[form](document, written).encode() for form, written in parts.items()}


def write_outputs(
    output_dir: Path, name: str, outputs: Mapping[Format, bytes], *, earlier_dir: Path | None = None
) -> None:
    """Write `output_dir/<name>.<format>` for every format, each atomically: what is there is whole.

    Args:
        output_dir: Exists already. Nothing outside it is written, whatever links lie in it.
        name: The document's path in the repository, as `os.fsdecode` spells it.
        outputs: Content by format.
        earlier_dir: Results of an earlier attempt, of which files that are just the same are taken.

    Raises:
        DocumentError: The file system refuses the name.
        OSError: It refuses anything else, such as more data.
    """
    with document_folder(output_dir, name) as (folder, document):
        for form, content in outputs.items():
            suffix = SUFFIXES[form]
            if earlier_dir and link_if_equal(earlier_dir, name + suffix, content, folder, document + suffix):
                continue
            with replacing(folder, document + suffix) as stream:
                stream.write(content)


def place_file(output_dir: Path, name: str, form: Format, file: Path) -> None:
    """Move a finished file to `output_dir/<name>.<format>`, from another file system too; else as `write_outputs`.

    Raises:
        DocumentError: The file system refuses the name.
        OSError: It refuses anything else; the file stays where it was.
    """
    with document_folder(output_dir, name) as (folder, document):
        try:
            os.rename(file, document + SUFFIXES[form], dst_dir_fd=folder)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with file.open("rb") as source, replacing(folder, document + SUFFIXES[form]) as stream:
                shutil.copyfileobj(source, stream)
            file.unlink()
