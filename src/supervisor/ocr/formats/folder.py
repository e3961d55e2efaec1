"""Files under the paths of documents: inside one folder, whatever their names and whatever links lie there."""

import contextlib
import errno
import os
import secrets
import stat
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


def link_if_equal(earlier_dir: Path, name: str, content: bytes, folder: int, file: str) -> bool:
    """Give a file of an earlier attempt a second name in a folder, if it has the content that is wanted.

    An archive of many small documents, most of them as they were, costs its disk less this way than written anew.

    Args:
        earlier_dir: What `name` is below; nothing there is changed.
        name: The file that may have the content.
        content: The content.
        folder: Descriptor of the folder for the second name.
        file: That name; nothing has it yet.

    Returns:
        Whether it has been done.
    """
    path = PurePosixPath(name)
    try:
        with _folder(earlier_dir, path.parts[:-1], create=False) as earlier:
            if not _has_content(earlier, path.name, content):
                return False
            os.link(path.name, file, src_dir_fd=earlier, dst_dir_fd=folder, follow_symlinks=False)
    except OSError:  # it is not there, the file system has no links, this name is taken: it can be written all the same
        return False
    return True


def _has_content(folder: int, name: str, content: bytes) -> bool:
    # Non-blocking, for what is no file and would wait for somebody.
    with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as stream:  # noqa: PTH123 - a descriptor has no path
        status = os.fstat(stream.fileno())
        return stat.S_ISREG(status.st_mode) and status.st_size == len(content) and stream.read() == content


@contextlib.contextmanager
def _folder(top: Path, parts: Sequence[str], *, create: bool = True) -> Iterator[int]:
    """Open a folder below `top` step by step, creating what is missing if that is wanted, and following no link."""
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            below = _open_below(descriptor, part, create=create)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _open_below(folder: int, name: str, *, create: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
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
