"""A document that was opened."""

from dataclasses import dataclass
from pathlib import Path

from supervisor.ocr.documents.file_kinds import Signature


@dataclass(frozen=True)
class Document:
    """A document that was opened once.

    Attributes:
        file: What to decode: the path in the workspace, or the object in the LFS store.
        signature: What it is.
        page_count: At least 1.
        is_blob: Whether the bytes in the workspace are those that git knows by the id that was given. Attributes of a
            path can change them as it is checked out.
    """

    file: Path
    signature: Signature
    page_count: int
    is_blob: bool = False
