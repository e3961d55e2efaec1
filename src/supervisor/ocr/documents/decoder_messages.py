"""What libtiff prints while it decodes: kept out of our standard error, and read for damage that it does not report.

A fax picture with a broken line gives the lines above it, white paper below, and success; only the message tells.
"""

import contextlib
import os
from collections.abc import Iterator

from supervisor.ocr.errors import DocumentError

_SILENT_DAMAGE = ("Bad code word", "Uncompressed data (not supported)")
_READ_SIZE_BYTES = 65_536


@contextlib.contextmanager
def watched_decoder() -> Iterator[None]:
    """Take over standard error for as long as a decoder runs; not for processes that write to it from other threads.

    Raises:
        DocumentError: The decoder noticed damage and carried on.
    """
    messages = os.memfd_create("decoder messages")
    kept = os.dup(2)
    try:
        os.dup2(messages, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
        text = os.pread(messages, _READ_SIZE_BYTES, 0).decode("utf-8", "replace")
        for damage in _SILENT_DAMAGE:
            if damage in text:
                raise DocumentError("is a TIFF image that is damaged: part of the page cannot be decoded")
    finally:
        os.close(kept)
        os.close(messages)
