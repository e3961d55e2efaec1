"""Which characters may leave this package: no NUL, no lone surrogate, nothing that breaks lines or columns."""

import os
import re
from pathlib import Path

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Everything that str.splitlines() or a terminal would act upon, apart from tab and line feed.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def storable(text: str) -> str:
    """Drop NUL and lone surrogates, which no database stores."""
    return _UNSTORABLE.sub("", text)


def plain(text: str) -> str:
    """Drop every control character but tab and line feed, and what `storable` drops."""
    return _CONTROLS.sub("", text)


def one_line(text: str) -> str:
    """Make a reason out of a foreign message: one line, no controls, at most 300 characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= 300 else line[:299] + "…"


def shown(path: Path | str) -> str:
    """Spell a path for people, bytes that are not UTF-8 as escapes."""
    return plain(os.fsencode(path).decode("utf-8", "backslashreplace"))
