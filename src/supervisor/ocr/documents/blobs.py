"""Whether a file has the bytes that git knows by an id."""

import hashlib
from pathlib import Path

_SHA256_LENGTH = 64


def is_blob(file: Path, blob_sha: str) -> bool:
    """Tell whether git would give a file this id; attributes change what is checked out, such as `eol` and `ident`."""
    digest = hashlib.sha256() if len(blob_sha) == _SHA256_LENGTH else hashlib.sha1(usedforsecurity=False)
    with file.open("rb") as stream:
        digest.update(b"blob %d\0" % file.stat().st_size)
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == blob_sha
