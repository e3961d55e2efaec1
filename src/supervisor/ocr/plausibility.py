"""Whether the words of a text layer can be text at all, or come from a font whose table to Unicode is wrong."""

import re
import unicodedata
from collections.abc import Sequence

# Names of glyphs instead of characters: what extraction gives for fonts without a mapping to Unicode.
_GLYPH_NAME = re.compile(r"\(cid:[0-9]+\)")
_MAX_JUNK_SHARE = 0.1
_MIN_LETTER_SHARE = 0.5


def is_plausible(words: Sequence[str]) -> bool:
    """Tell text from mojibake, in favour of text."""
    text = "".join(words)
    names = _GLYPH_NAME.findall(text)
    rest = _GLYPH_NAME.sub("", text)
    junk = sum(len(name) for name in names) + sum(_is_junk(character) for character in rest)
    letters = sum(character.isalnum() for character in rest)
    return junk <= _MAX_JUNK_SHARE * len(text) and letters >= _MIN_LETTER_SHARE * len(text)


def _is_junk(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in {"Co", "Cn", "Cc"}
