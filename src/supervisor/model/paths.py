"""The text form of a repository path: what databases, messages and JSON carry."""

from urllib.parse import quote_from_bytes

_UNESCAPED = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


def path_text(path: bytes) -> str:
    """Return a repository path as text; one that is not UTF-8 is percent-escaped: no lone surrogate leaves us."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return quote_from_bytes(path, safe=_UNESCAPED + " ")


def printable(text: str) -> str:
    """Return text for a terminal, on one line: whatever would move the cursor or change colours is shown escaped."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
