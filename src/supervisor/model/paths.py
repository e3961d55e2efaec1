"""The text form of a repository path: what databases, messages and JSON carry."""

from urllib.parse import quote_from_bytes

_UNESCAPED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


def path_text(path: bytes) -> str:
    """Return a repository path as text; one that is not UTF-8 is percent-escaped: no lone surrogate leaves us."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(path, safe=_UNESCAPED + " ")
