"""What a file is, told from its first bytes and never from its name."""

import re
from dataclasses import dataclass
from enum import StrEnum

HEAD_SIZE_BYTES = 4096


class FileKind(StrEnum):
    """What this package can read."""

    PDF = "pdf"
    IMAGE = "image"


@dataclass(frozen=True)
class Signature:
    """What the first bytes say.

    Attributes:
        kind: None for what is known and cannot be read.
        label: For people: "a PNG image".
        pillow_format: The one decoder that Pillow may use.
    """

    kind: FileKind | None
    label: str
    pillow_format: str = ""


_PDF = Signature(FileKind.PDF, "a PDF")
_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), Signature(FileKind.IMAGE, "a PNG image", "PNG")),
    (re.compile(rb"\xff\xd8\xff"), Signature(FileKind.IMAGE, "a JPEG image", "JPEG")),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), Signature(FileKind.IMAGE, "a TIFF image", "TIFF")),
    (re.compile(rb"GIF8[79]a"), Signature(FileKind.IMAGE, "a GIF image", "GIF")),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), Signature(FileKind.IMAGE, "a WebP image", "WEBP")),
    # Two letters are little to go by: the size of the header that follows has to be possible too.
    (re.compile(rb"BM.{12}[\x0c-\x7c]\0\0\0", re.DOTALL), Signature(FileKind.IMAGE, "a BMP image", "BMP")),
    (
        re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"),
        Signature(FileKind.IMAGE, "a JPEG 2000 image", "JPEG2000"),
    ),
    (re.compile(rb"P[1-6fF]\s"), Signature(FileKind.IMAGE, "a PNM image", "PPM")),
    (re.compile(rb"....ftyp(hei|hev|mif|msf)", re.DOTALL), Signature(None, "a HEIC image")),
    (re.compile(rb"....ftypavi", re.DOTALL), Signature(None, "an AVIF image")),
    (re.compile(rb"AT&TFORM"), Signature(None, "a DjVu document")),
    (re.compile(rb"%!PS"), Signature(None, "a PostScript file")),
    (re.compile(rb"PK\x03\x04"), Signature(None, "a ZIP archive or an office document")),
    (re.compile(rb"\xd0\xcf\x11\xe0"), Signature(None, "an old office document")),
    (re.compile(rb"\x1f\x8b"), Signature(None, "a gzip archive")),
)


def read_signature(head: bytes) -> Signature | None:
    """Return what `head`, the first bytes of a file, says; None if it says nothing."""
    for pattern, signature in _SIGNATURES:
        if pattern.match(head):
            return signature
    # Readers accept up to 1,024 bytes in front of the header (PDF 1.7, Adobe's implementation note 13).
    return _PDF if b"%PDF-" in head[:1024] else None


def looks_like_text(head: bytes) -> bool:
    """Tell text from anything else, leniently: a program, a web page, a letter."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    # A character of several bytes may be cut at the end of the head.
    text = head.decode("utf-8", "ignore")
    if not text or len(text.encode()) < len(head) - 3:
        return False
    return not any(ord(character) < 32 and character not in "\t\n\r\f\b\x1b" for character in text)
