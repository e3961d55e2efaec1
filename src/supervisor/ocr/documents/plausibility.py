"""Whether the words of a text layer can be text at all, or come from a font whose table to Unicode is wrong.

Such layers look well on the page and read as nonsense: shifted letters, glyph names, halves of characters. What is
asked of a text holds for every script and for tables of numbers, so that a layer is rather kept than thrown away.
"""

import functools
import re
import unicodedata
from collections.abc import Sequence

# Names of glyphs instead of characters: what extraction gives for fonts without a mapping to Unicode.
_GLYPH_NAME = re.compile(r"\(cid:[0-9]+\)|/[gG][0-9]{1,5}(?=/|$)")
# Dots that lead to a page number, and rules made of dashes.
_LEADER = re.compile(r"([^\w\s\ufffd])\1{2,}")
_MAX_JUNK_SHARE = 0.1
_MIN_LETTER_SHARE = 0.5

_SCRIPT_NAME = re.compile(r"[A-Z]+")
# Scripts that stand in one word in good Japanese or Korean, or in formulas.
_RELATED_SCRIPTS = ({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"}, {"LATIN", "GREEK"})
_NO_SCRIPTS = {"FULLWIDTH", "HALFWIDTH", "MICRO", "OHM", "KELVIN", "FEMININE", "MASCULINE", "MODIFIER", "SUPERSCRIPT"}

_MAX_MIXED_SHARE = 0.3
_MIN_WORDS = 8

# In eight European languages, Vietnamese, Swahili, Hawaiian and a program these took 0.40 to 0.72 and 0.35 to 0.60 of
# the letters, the sum never below 0.80; English with letters moved by one to 25 places stayed below 0.72 but for 13.
_FREQUENT = frozenset("aeinorst")
_VOWELS = frozenset("aeiouy")
_MIN_FREQUENT_AND_VOWELS = 0.72
_MIN_LETTERS = 100
# UTF-16 read with its halves exchanged: "A", U+0041, becomes U+4100, and so on for the whole of ASCII.
_EXCHANGED_HALVES = re.compile(r"[\u2000-\u7e00]")
_MAX_EXCHANGED_SHARE = 0.5


def is_plausible(words: Sequence[str]) -> bool:
    """Tell text from mojibake, in favour of text."""
    text = "".join(words)
    names = _GLYPH_NAME.findall(text)
    rest = _LEADER.sub("", _GLYPH_NAME.sub("", text))
    junk = sum(len(name) for name in names) + sum(_is_junk(character) for character in rest)
    letters = sum(character.isalnum() or unicodedata.category(character).startswith("M") for character in rest)
    if junk > _MAX_JUNK_SHARE * len(text) or letters < _MIN_LETTER_SHARE * len(rest):
        return False
    return not (_has_exchanged_halves(rest) or _mixes_scripts(words) or _has_odd_letters(words))


def _is_junk(character: str) -> bool:
    return character == "\ufffd" or unicodedata.category(character) in {"Co", "Cn", "Cc"}


def _has_exchanged_halves(text: str) -> bool:
    exchanged = sum(ord(character) & 0xFF == 0 for character in _EXCHANGED_HALVES.findall(text))
    return exchanged > _MAX_EXCHANGED_SHARE * len(text)


def _mixes_scripts(words: Sequence[str]) -> bool:
    """Tell whether words are made of letters of several alphabets, which only the names of chemistry and brands are."""
    judged = [scripts for word in words if len(scripts := [_script(letter) for letter in word if letter.isalpha()]) > 2]
    mixed = sum(_are_foreign(set(scripts) - _NO_SCRIPTS) for scripts in judged)
    return len(judged) >= _MIN_WORDS and mixed > _MAX_MIXED_SHARE * len(judged)


def _are_foreign(scripts: set[str]) -> bool:
    return len(scripts) > 1 and not any(scripts <= related for related in _RELATED_SCRIPTS)


@functools.lru_cache(maxsize=4096)
def _script(character: str) -> str:
    name = _SCRIPT_NAME.match(unicodedata.name(character, ""))
    return name.group() if name else ""


def _has_odd_letters(words: Sequence[str]) -> bool:
    """Tell whether Latin letters occur as often as in no language: those of a font whose codes are moved do."""
    plain = [unicodedata.normalize("NFD", word).lower() for word in words if not any(map(str.isdigit, word))]
    letters = [character for word in plain for character in word if "a" <= character <= "z"]
    if len(letters) < max(_MIN_LETTERS, sum(map(str.isalpha, "".join(plain))) / 2):
        return False
    figure = sum((letter in _FREQUENT) + (letter in _VOWELS) for letter in letters)
    return figure < _MIN_FREQUENT_AND_VOWELS * len(letters)
