"""Hiding passwords in whatever leaves the program: messages, logs, reports, tables."""

import re

# In a URL up to the last @ of the word: as it was typed, a password may contain one. Elsewhere as libpq and `repr` of
# a mapping write it.
_PASSWORD = re.compile(
    r"""(://[^:/@\s]*:)\S*@ | (password["']?\s?[=:]\s?)(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^&\s]+)""",
    re.IGNORECASE | re.VERBOSE,
)


def without_passwords(text: str) -> str:
    """Return text in which the passwords of URLs are hidden, whatever it says of them."""
    return _PASSWORD.sub(lambda found: f"{found[2]}***" if found[2] else f"{found[1]}***@", text)
