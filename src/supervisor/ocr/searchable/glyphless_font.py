"""A font without ink, through which invisible text stands for any characters: a few hundred bytes for all scripts.

Viewers place, mark and copy text by the widths of a font and by its table from codes to Unicode; what its glyphs look
like does not matter to them. So every character of a document gets a code of its own, and all codes show one blank
glyph. Tesseract and OCRmyPDF write their text the same way.
"""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

import base64
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

# Of the font, in parts of its size. Together they span what tesseract calls the size of a line.
ASCENT = 0.70
DESCENT = 0.18
ADVANCE = 0.5

# A TrueType font of 300 bytes: two empty glyphs of that advance, ascent and descent, made with fontTools' FontBuilder.
# Glyph 0 stays unused: viewers take it for a missing character, and look for another font.
_FONT_FILE = zlib.decompress(
    base64.b85decode(
        "c-muNWME)mXK-L(VlYV0sZ3)414a%Ik&&915-;ZP0LZQZVzUgO0MkB3Cm?$Z5UXV5mQ*l)0c-dH#B4eF$%#<?Ac8G7v7&&18E7&C!wn!-D9A4"
        "^0rEleJRm+;84&+hQizY|xB1Gz%>04@H-MM~HJ)kDe;**@3j>mcNPrP6!UX3tp&JI*iE0C0004Vv8@2"
    )
)
_NAME = "OpticalText"
# The most that a CMap may list at once (Adobe Technical Note 5014).
_ENTRIES_AT_ONCE = 100


def number_characters(texts: Iterable[str]) -> dict[str, int]:
    """Give every character that occurs, and the space, a code from 1."""
    characters = sorted({" "}.union(*texts))
    return {character: code for code, character in enumerate(characters, 1)}


def encode(text: str, codes: Mapping[str, int]) -> str:
    """Return the hexadecimal string that shows a text."""
    return "".join(f"{codes[character]:04X}" for character in text)


def add_font(pdf: Any, codes: Mapping[str, int]) -> int:
    """Add the font to a PDF of pymupdf, and return the number of its object."""
    file = _add_stream(pdf, _FONT_FILE, f"/Length1 {len(_FONT_FILE)}")
    glyphs = _add_stream(pdf, b"\0\0" + b"\0\1" * len(codes))
    to_unicode = _add_stream(pdf, _to_unicode(codes))
    width = round(1000 * ADVANCE)
    ascent, descent = round(1000 * ASCENT), -round(1000 * DESCENT)
    # Flags 4: its characters are not those of the Latin alphabet alone.
    descriptor = _add(
        pdf,
        f"/Type/FontDescriptor/FontName/{_NAME}/Flags 4/FontBBox[0 {descent} {width} {ascent}]/ItalicAngle 0"
        f"/Ascent {ascent}/Descent {descent}/CapHeight {ascent}/StemV 80/FontFile2 {file} 0 R",
    )
    descendant = _add(
        pdf,
        f"/Type/Font/Subtype/CIDFontType2/BaseFont/{_NAME}/CIDToGIDMap {glyphs} 0 R/DW {width}"
        f"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor {descriptor} 0 R",
    )
    return _add(
        pdf,
        f"/Type/Font/Subtype/Type0/BaseFont/{_NAME}/Encoding/Identity-H/DescendantFonts[{descendant} 0 R]"
        f"/ToUnicode {to_unicode} 0 R",
    )


def _to_unicode(codes: Mapping[str, int]) -> bytes:
    entries = [f"<{code:04X}> <{character.encode('utf-16-be').hex().upper()}>" for character, code in codes.items()]
    sections = []
    for start in range(0, len(entries), _ENTRIES_AT_ONCE):
        section = entries[start : start + _ENTRIES_AT_ONCE]
        sections.append("\n".join([f"{len(section)} beginbfchar", *section, "endbfchar"]))
    mappings = "\n".join(sections)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
        f"{mappings}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode()


def _add(pdf: Any, entries: str) -> int:
    number: int = pdf.get_new_xref()
    pdf.update_object(number, f"<<{entries}>>")
    return number


def _add_stream(pdf: Any, content: bytes, entries: str = "") -> int:
    number = _add(pdf, entries)
    pdf.update_stream(number, content, new=True)
    return number
