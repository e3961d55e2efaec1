"""Text inside of XML."""

import html

from supervisor.ocr.characters import plain

# Kept elsewhere, and forbidden in XML; tab and line feed would not outlive an attribute.
_UNFIT = str.maketrans({"\ufffe": None, "\uffff": None, "\t": " ", "\n": " "})


def escaped(text: str) -> str:
    """Spell text so that it can stand in an element or attribute: one line, nothing that XML forbids."""
    return html.escape(plain(text).translate(_UNFIT))
