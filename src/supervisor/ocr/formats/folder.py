"""Files under the paths of documents: inside one folder, whatever their names and whatever links lie there."""

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from supervisor.ocr.errors import DocumentError

_REFUSED_NAMES = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EILSEQ}


@contextlib.contextmanager
def document_folder(output_dir: Path, name: str) -> Iterator[tuple[int, str]]:
    """Open the folder that belongs to a document below another, and give it with the document's own name.

    Args:
        output_dir: Exists already. Nothing outside it is opened, whatever links lie in it.
        name: The document's path in the repository, as `os.fsdecode` spells it.

    Raises:
        DocumentError: The file system refuses the name, here or while the folder is open.
    """
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
def replacing(folder: int, name: str) -> Iterator[BinaryIO]:
    """Give a file that takes its name once it is written: a killed process leaves none that is cut short."""
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
