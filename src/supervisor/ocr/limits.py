"""How much memory a page may take: what it reserves, and what it is held to."""

import contextlib
import resource
from collections.abc import Iterator

# What a slot is counted as: enough for a large page, 40 megapixels.
UNIT_BYTES = 800_000_000
# A page process before it decodes anything, and tesseract with one language.
_BASE_BYTES = 350_000_000
# Measured: tesseract takes 4 bytes a grey pixel; a decoder 4 for a coloured one, beside the grey picture.
_BYTES_PER_PIXEL = 4.4


def memory_limit(max_image_megapixels: int) -> int:
    """Return how many bytes tesseract, and a page process, may take for a page of a job: 1.45 GB unless it says so."""
    return _BASE_BYTES + round(_BYTES_PER_PIXEL * max_image_megapixels * 1e6)


def reservation(pixels: int) -> int:
    """Return how many bytes a page reserves, in whole units: the picture, its decoder, and tesseract."""
    needed = _BASE_BYTES + round(2 * _BYTES_PER_PIXEL * pixels)
    return -(-needed // UNIT_BYTES) * UNIT_BYTES


@contextlib.contextmanager
def limited_memory(limit_bytes: int) -> Iterator[None]:
    """Hold this process to so much data; what asks for more gets MemoryError, or a refusal of its library."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
