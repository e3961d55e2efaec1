"""Hiding passwords in whatever leaves the program: messages, logs, reports, tables."""

import re

# From the first URL of a word on, up to its end; each word is looked through once, however often it looks like a URL.
_URLS = re.compile(r"://\S*")
_USER = re.compile(r"://[^:/@]*:")
# As libpq and `repr` of a mapping write it.
_NAMED = re.compile(r"""(password["']?\s?[=:]\s?)(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^&\s]+)""", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """Return text in which the passwords of URLs are hidden, whatever it says of them."""
    return _NAMED.sub(lambda found: f"{found[1]}***", _URLS.sub(_hidden, text))


def _hidden(urls: re.Match[str]) -> str:
    word = urls[0]
    # Up to the last @: as it was typed, a password may contain one.
    end = word.rfind("@")
    begin = _USER.search(word, 0, max(end, 0))
    return f"{word[: begin.end()]}***{word[end:]}" if begin else word
