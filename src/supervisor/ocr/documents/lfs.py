"""Git LFS pointers: recognised by content, resolved from the repository's local LFS store, checked, read in place."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from supervisor.ocr.characters import shown
from supervisor.ocr.errors import DocumentError

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: pointers are smaller than 1,024 bytes, version comes first.
POINTER_SIZE_BYTES = 1024
_VERSION = b"version https://git-lfs.github.com/spec/v1\n"
_OID = re.compile(rb"^oid sha256:([0-9a-f]{64})$", re.MULTILINE)
_SIZE = re.compile(rb"^size ([0-9]{1,18})$", re.MULTILINE)


@dataclass(frozen=True)
class LfsPointer:
    """What stands in the tree in place of a large file."""

    oid: str
    size_bytes: int


def read_pointer(content: bytes) -> LfsPointer | None:
    """Return the pointer that `content` is, None if it is anything else."""
    if len(content) >= POINTER_SIZE_BYTES or not content.startswith(_VERSION):
        return None
    oid, size = _OID.search(content), _SIZE.search(content)
    return LfsPointer(oid[1].decode(), int(size[1])) if oid and size else None


def resolve_pointer(pointer: LfsPointer, name: str, lfs_objects_dir: Path | None) -> Path:
    """Return the file in the local LFS store that `pointer` stands for.

    Args:
        pointer: What was found in the tree.
        name: The document's path in the repository, for the line to type.
        lfs_objects_dir: `lfs/objects` in the git common directory; None where there is none.

    Raises:
        DocumentError: It was not fetched, or is not what the pointer says.
    """
    fetch = f'git lfs fetch --include="{name}"'
    if lfs_objects_dir is None:
        raise DocumentError(f"is a Git LFS pointer without its file; fetch it with: {fetch}")
    stored = lfs_objects_dir / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid
    if not stored.is_file():
        raise DocumentError(f"is in Git LFS and was not fetched; fetch it with: {fetch}")
    damaged = f"is in Git LFS, and its local copy is damaged; remove {shown(stored)} and fetch it again with: {fetch}"
    if stored.stat().st_size != pointer.size_bytes:
        raise DocumentError(damaged)
    with stored.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != pointer.oid:
            raise DocumentError(damaged)
    return stored
