"""What the cache keeps, and how it is written: sealed, so that whatever else is found in its place is no entry.

An entry is a mark that names the format, the SHA-256 of key and body, and the body, compressed: a line of JSON, and for
a page its text and its hOCR after it. The key is in the checksum, because an entry that was renamed is right in itself
and wrong where it is.
"""

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, fields
from typing import Any, assert_never, get_args

from supervisor.model.numbers import LARGEST_NUMBER
from supervisor.ocr.results import Origin

_MARK = b"supervisor page cache 1\n"
_SUM_SIZE_BYTES = hashlib.sha256().digest_size
_OVERHEAD_BYTES = 400  # of an object in memory, roughly
# Measured: level 1 makes 6.5 kB of a book page's 30 kB in 0.14 ms, level 6 5.6 kB in 0.32; of a dense page's 134 kB 27
# in 0.8 ms, and 22 in 2.4. Both are unpacked equally fast.
_LEVEL = 1
# A page of a newspaper is 2 MB. Other machines write entries, too, and a small one may expand to anything.
MAX_BODY_BYTES = 64 * 1024 * 1024
# Every page of a document is asked for: a count that nobody has counted must not fill the memory.
_MOST_PAGES = 1_000_000


@dataclass(frozen=True)
class PageCount:
    """How many pages a document has."""

    pages: int


@dataclass(frozen=True)
class PictureOf:
    """What a page of a document looks like: the digest of its picture."""

    digest: str


@dataclass(frozen=True)
class CachedPage:
    """What is known of a page, whichever document it stands in.

    Attributes:
        source: How its text came about.
        text: As in `PageResult`, and so are the others.
        page_key: None for a text layer.
    """

    source: Origin
    text: str
    master: str
    mean_confidence: float | None = None
    low_confidence: float | None = None
    weak_word_share: float | None = None
    word_count: int = 0
    page_key: str | None = None


Entry = PageCount | PictureOf | CachedPage

_KINDS: dict[str, type[Entry]] = {"pages": PageCount, "picture": PictureOf, "page": CachedPage}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_LONG = ("text", "master")


def encode(key: str, entry: Entry) -> bytes:
    """Return an entry as it is kept under a key."""
    short: dict[str, Any] = asdict(entry)
    long = [_bytes(short.pop(name)) for name in _LONG if name in short]
    head = {"kind": _NAMES[type(entry)], "lengths": [len(part) for part in long], **short}
    body = zlib.compress(b"\n".join([json.dumps(head).encode(), b"".join(long)]), _LEVEL)
    return _MARK + _checksum(key, body) + body


def decode(key: str, data: bytes) -> Entry | None:
    """Return the entry that is kept under a key; None for anything that `encode` has not written for it."""
    start = len(_MARK) + _SUM_SIZE_BYTES
    body = data[start:]
    if not data.startswith(_MARK) or data[len(_MARK) : start] != _checksum(key, body):
        return None
    try:
        return _decode(body)
    except (zlib.error, ValueError, LookupError, TypeError, RecursionError):
        # Rightly sealed, so written by a program that took other things for an entry.
        return None


def size_in_memory(entry: Entry) -> int:
    """Return about how many bytes an entry takes in memory."""
    return _OVERHEAD_BYTES + (len(entry.text) + len(entry.master) if isinstance(entry, CachedPage) else 0)


def _decode(body: bytes) -> Entry:
    unpacking = zlib.decompressobj()
    head, _, rest = unpacking.decompress(body, MAX_BODY_BYTES).partition(b"\n")
    if not unpacking.eof:
        raise ValueError("larger than any page")
    values = json.loads(head)
    if not isinstance(values, dict):
        raise TypeError("no object")
    kind = _KINDS[values.pop("kind")]
    lengths = values.pop("lengths")
    for name, length in zip([field.name for field in fields(kind) if field.name in _LONG], lengths, strict=True):
        values[name], rest = _text(rest[:length]), rest[length:]
    entry = kind(**values)
    if not _is_sound(entry):
        raise ValueError("values that no entry has")
    return entry


def _is_sound(entry: Entry) -> bool:
    """Tell whether an entry's values are what its fields say."""
    match entry:
        case PageCount(pages):
            return _is_whole_number(pages, 1, _MOST_PAGES)
        case PictureOf(digest):
            return isinstance(digest, str)
        case CachedPage():
            shares = (entry.mean_confidence, entry.low_confidence, entry.weak_word_share)
            return (
                entry.source in get_args(Origin)
                and _is_whole_number(entry.word_count, 0, LARGEST_NUMBER)
                and all(share is None or _is_share(share) for share in shares)
                and isinstance(entry.page_key, str | None)
            )
        case _:
            assert_never(entry)


def _is_whole_number(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_share(value: object) -> bool:
    """Tell whether it is a confidence or a share of something; NaN, which JSON knows here, is neither."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100


def _checksum(key: str, body: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\n" + body).digest()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _text(content: bytes) -> str:
    return content.decode(errors="surrogatepass")
