"""A document's results: made from its pages, the same bytes every time, and put under its path in one folder."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal, assert_never

from supervisor.model.paths import path_text
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.formats.alto import alto_file, empty_page_element, page_element
from supervisor.ocr.formats.hocr_file import hocr_file
from supervisor.ocr.formats.remembered import RememberedPages
from supervisor.ocr.formats.report import json_file, layout_members, no_layout, page_object
from supervisor.ocr.formats.tsv import HEADER, page_rows
from supervisor.ocr.hocr import empty_page, write_page
from supervisor.ocr.job import Format
from supervisor.ocr.results import PageResult

SUFFIXES: dict[Format, str] = {
    "txt": ".txt",
    "tsv": ".tsv",
    "hocr": ".hocr",
    "alto": ".alto.xml",
    "pdf": ".pdf",
    "json": ".json",
}
_REFUSED_NAMES = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EILSEQ}

_rows_of = RememberedPages(page_rows)
_hocr_of = RememberedPages(lambda layout, page_number: write_page(layout, page_number=page_number))
_alto_of = RememberedPages(page_element)
_members_of = RememberedPages(lambda layout, _page_number: layout_members(layout))


def assemble(name: str, pages: Sequence[PageResult], formats: Iterable[Format]) -> dict[Format, bytes]:
    """Make a document's results out of all its pages, in order; a page without result stays in its place, empty.

    A searchable PDF is no matter of text: `pdf` is passed over. Not thread-safe.

    Args:
        name: The document's path in the repository, as `os.fsdecode` spells it.
        pages: Every page of the document.
        formats: Which results.

    Raises:
        RecogniserError: A master is no hOCR.
    """
    document = path_text(os.fsencode(name))
    return {form: _assembled(form, document, pages).encode() for form in formats if form != "pdf"}


def write_outputs(output_dir: Path, name: str, outputs: Mapping[Format, bytes]) -> None:
    """Write `output_dir/<name>.<format>` for every format, each atomically: what is there is whole.

    Args:
        output_dir: Exists already. Nothing outside it is written, whatever links lie in it.
        name: The document's path in the repository, as `os.fsdecode` spells it.
        outputs: Content by format.

    Raises:
        DocumentError: The file system refuses the name.
        OSError: It refuses anything else, such as more data.
    """
    with _folder_of(output_dir, name) as (folder, document):
        for form, content in outputs.items():
            with _replacing(folder, document + SUFFIXES[form]) as stream:
                stream.write(content)


def place_file(output_dir: Path, name: str, form: Format, file: Path) -> None:
    """Move a finished file to `output_dir/<name>.<format>`, from another file system too; else as `write_outputs`.

    Raises:
        DocumentError: The file system refuses the name.
        OSError: It refuses anything else; the file stays where it was.
    """
    with _folder_of(output_dir, name) as (folder, document):
        try:
            os.rename(file, document + SUFFIXES[form], dst_dir_fd=folder)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with file.open("rb") as source, _replacing(folder, document + SUFFIXES[form]) as stream:
                shutil.copyfileobj(source, stream)
            file.unlink()


def _assembled(form: Literal["txt", "tsv", "hocr", "alto", "json"], document: str, pages: Sequence[PageResult]) -> str:
    match form:
        case "txt":
            return "\f".join(page.text for page in pages)
        case "tsv":
            return HEADER + "".join(_rows_of(page.master, page.page_number) for page in pages if page.master)
        case "hocr":
            return hocr_file(document, [_written(page, _hocr_of, empty_page) for page in pages])
        case "alto":
            return alto_file(document, [_written(page, _alto_of, empty_page_element) for page in pages])
        case "json":
            return json_file(document, [page_object(page, _written(page, _members_of, no_layout)) for page in pages])
        case _:
            assert_never(form)


def _written(page: PageResult, derived: RememberedPages, empty: Callable[[int], str]) -> str:
    return derived(page.master, page.page_number) if page.master else empty(page.page_number)


@contextlib.contextmanager
def _folder_of(output_dir: Path, name: str) -> Iterator[tuple[int, str]]:
    """Open the folder of a document, and give it with the document's own name; what the name causes is its reason."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise DocumentError("has a name that leads out of the output folder")
    try:
        with _folder(output_dir, path.parts[:-1]) as folder:
            yield folder, path.name
    except OSError as error:
        if error.errno in _REFUSED_NAMES:
            raise DocumentError(f"has a name that its results cannot carry: {error.strerror}") from error
        raise


@contextlib.contextmanager
def _folder(top: Path, parts: Sequence[str]) -> Iterator[int]:
    """Open a folder below `top` step by step, creating what is missing and following no link."""
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            below = _open_below(descriptor, part)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _open_below(folder: int, name: str) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
        return os.open(name, flags, dir_fd=folder)


@contextlib.contextmanager
def _replacing(folder: int, name: str) -> Iterator[BinaryIO]:
    """Give a file that takes its name once it is written: an executor that is killed leaves none that is cut short."""
    temporary = f".{secrets.token_hex(8)}.tmp"
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
        with open(file, "wb") as stream:  # noqa: PTH123 - a descriptor has no path
            yield stream
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
