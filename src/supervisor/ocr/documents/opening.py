"""Documents: which file really holds one, what it is, and how many pages it has."""

import stat
from pathlib import Path

from supervisor.ocr.characters import shown
from supervisor.ocr.documents.document import Document
from supervisor.ocr.documents.file_kinds import HEAD_SIZE_BYTES, FileKind, Signature, looks_like_text, read_signature
from supervisor.ocr.documents.images import count_frames
from supervisor.ocr.documents.lfs import POINTER_SIZE_BYTES, read_pointer, resolve_pointer
from supervisor.ocr.documents.pdf import count_pdf_pages
from supervisor.ocr.errors import DocumentError


def open_document(path: Path, *, root: Path, lfs_objects_dir: Path | None, max_image_megapixels: int) -> Document:
    """Find out what `path` is, and how many pages it has.

    Runs a decoder over hostile bytes: call it in a pool process.

    Args:
        path: In the workspace.
        root: The top of the workspace, which no symbolic link may leave.
        lfs_objects_dir: The repository's local LFS store, None where there is none.
        max_image_megapixels: Images of more than twice as many are refused here already.

    Raises:
        DocumentError: With the reason.
    """
    file = _locate(path, root)
    head = _read_head(file)
    pointer = read_pointer(head) if file.stat().st_size < POINTER_SIZE_BYTES else None
    if pointer is not None:
        file = resolve_pointer(pointer, shown(path.relative_to(root)), lfs_objects_dir)
        head = _read_head(file)
    signature = _identify(head)
    match signature.kind:
        case FileKind.PDF:
            page_count = count_pdf_pages(file)
        case _:
            try:
                page_count = count_frames(file, signature, max_image_megapixels)
            except DocumentError as error:
                if looks_like_text(head):  # "P1 is the first prize" begins like a bitmap
                    raise DocumentError("is not an image or a PDF: looks like text") from error
                raise
    return Document(file, signature, page_count)


def _locate(path: Path, root: Path) -> Path:
    """Follow symbolic links within the workspace to a file that has content."""
    try:
        target = path.resolve(strict=True)
        mode = target.stat().st_mode
    except FileNotFoundError as error:
        if path.is_symlink():
            raise DocumentError(f"is a symbolic link to {shown(path.readlink())}, which is not there") from error
        raise DocumentError("is not there") from error
    except RuntimeError as error:
        raise DocumentError("is a symbolic link that leads back to itself") from error
    except OSError as error:
        raise DocumentError(f"cannot be opened: {error.strerror}") from error
    if not target.is_relative_to(root.resolve()):
        raise DocumentError(f"is a symbolic link that leads out of the repository, to {shown(target)}")
    if stat.S_ISDIR(mode):
        raise DocumentError("is a directory, not a document")
    if not stat.S_ISREG(mode):
        raise DocumentError("is not a regular file")
    return target


def _read_head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD_SIZE_BYTES)
    except OSError as error:
        raise DocumentError(f"cannot be opened: {error.strerror}") from error
    if not head:
        raise DocumentError("is empty (0 bytes)")
    return head


def _identify(head: bytes) -> Signature:
    signature = read_signature(head)
    if signature is None:
        what = "looks like text" if looks_like_text(head) else "its content is of no known kind"
        raise DocumentError(f"is not an image or a PDF: {what}")
    if signature.kind is None:
        raise DocumentError(f"is {signature.label}, which cannot be read; convert it to PDF, TIFF, PNG or JPEG")
    return signature
