"""A document's results as files: assembled from its pages, the same bytes every time, written inside one folder."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import assert_never

from supervisor.ocr.errors import DocumentError
from supervisor.ocr.job import Format
from supervisor.ocr.results import PageResult
from supervisor.ocr.tsv import HEADER, rows

_PAGE_NUMBER_COLUMN = 1
_REFUSED_NAMES = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EILSEQ}


def assemble(pages: Sequence[PageResult], formats: Iterable[Format]) -> dict[Format, str]:
    """Make a document's results out of all its pages, in order; a page without text stays in its place, empty."""
    outputs: dict[Format, str] = {}
    for name in formats:
        match name:
            case "txt":
                outputs[name] = "\f".join(page.text for page in pages)
            case "tsv":
                outputs[name] = _assemble_tsv(pages)
            case _:
                assert_never(name)
    return outputs


def write_outputs(output_dir: Path, name: str, outputs: Mapping[Format, str]) -> tuple[Path, ...]:
    """Write `output_dir/<name>.<format>` for every format, each atomically, and return the paths.

    Args:
        output_dir: Exists already. Nothing outside it is written, whatever links lie in it.
        name: The document's path in the repository, as `os.fsdecode` spells it.
        outputs: Text by format.

    Raises:
        DocumentError: The file system refuses the name.
        OSError: It refuses anything else, such as more data.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise DocumentError("has a name that leads out of the output folder")
    try:
        with _folder(output_dir, path.parent.parts) as folder:
            for output, text in outputs.items():
                _replace(folder, f"{path.name}.{output}", text.encode())
    except OSError as error:
        if error.errno in _REFUSED_NAMES:
            raise DocumentError(f"has a name that its results cannot carry: {error.strerror}") from error
        raise
    return tuple(output_dir / f"{name}.{output}" for output in outputs)


def _assemble_tsv(pages: Sequence[PageResult]) -> str:
    lines = [HEADER]
    for page in pages:
        for columns in rows(page.tsv):
            columns[_PAGE_NUMBER_COLUMN] = str(page.page_number)
            lines.append("\t".join(columns))
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def _folder(top: Path, parts: Sequence[str]) -> Iterator[int]:
    """Open a folder below `top` step by step, creating what is missing and following no link."""
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=descriptor)
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _replace(folder: int, name: str, content: bytes) -> None:
    temporary = f".{secrets.token_hex(8)}.tmp"
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
        with open(file, "wb") as stream:  # noqa: PTH123 - a descriptor has no path
            stream.write(content)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
