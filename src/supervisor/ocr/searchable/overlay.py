"""Laying invisible text onto the pages of a PDF."""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

from collections.abc import Mapping
from typing import Any

import pymupdf
from pymupdf import mupdf

from supervisor.ocr.layout import PageLayout
from supervisor.ocr.searchable.glyphless_font import add_font, number_characters
from supervisor.ocr.searchable.invisible_text import Placement, invisible_text

_FONT_NAME = "OpticalText"


def lay_text(pdf: Any, layouts: Mapping[int, PageLayout]) -> None:
    """Put the words of layouts onto the pages of a PDF, by page index.

    The text is written in front of what a page shows, so that nothing in there, such as a state that is never restored,
    has any effect on it; nor has it on the page.
    """
    if not layouts:
        return
    codes = number_characters(word.text for layout in layouts.values() for word in layout.words())
    font = add_font(pdf, codes)
    for index, layout in layouts.items():
        page = pdf[index]
        name = _name_font(page, font)
        _prepend(pdf, page, invisible_text(layout, _placement(page, layout), codes, name))


def _placement(page: Any, layout: PageLayout) -> Placement:
    # Rotation, crop box and user unit of the page are all in MuPDF's own transformation.
    displayed, to_display = mupdf.FzRect(), mupdf.FzMatrix()
    mupdf.pdf_page_transform(_pdf_page(page), displayed, to_display)
    from_display = ~pymupdf.Matrix(to_display)
    scale = pymupdf.Matrix(page.rect.width / layout.width, page.rect.height / layout.height)
    return Placement(*(scale * from_display))


def _name_font(page: Any, font: int) -> str:
    """Enter the font among the page's resources, which it may share with other pages, and return its name there."""
    pdf, page_object = _pdf_page(page).doc(), _pdf_page(page).obj()
    resources = _dictionary(page_object, "Resources", inherited=True)
    fonts = _dictionary(resources, "Font")
    number = 0
    while True:
        name = f"{_FONT_NAME}{number}"
        present = mupdf.pdf_dict_gets(fonts, name)
        if mupdf.pdf_to_num(present) == font:
            return name
        if not mupdf.pdf_is_dict(present):
            mupdf.pdf_dict_puts(fonts, name, mupdf.pdf_new_indirect(pdf, font, 0))
            return name
        number += 1


def _dictionary(parent: Any, key: str, *, inherited: bool = False) -> Any:
    name = mupdf.pdf_new_name(key)
    found = mupdf.pdf_dict_get_inheritable(parent, name) if inherited else mupdf.pdf_dict_get(parent, name)
    return found if mupdf.pdf_is_dict(found) else mupdf.pdf_dict_put_dict(parent, name, 4)


def _prepend(pdf: Any, page: Any, content: bytes) -> None:
    number = pdf.get_new_xref()
    pdf.update_object(number, "<<>>")
    pdf.update_stream(number, content, new=True)
    present = [f"{xref} 0 R" for xref in page.get_contents()]
    pdf.xref_set_key(page.xref, "Contents", f"[{' '.join([f'{number} 0 R', *present])}]")


def _pdf_page(page: Any) -> Any:
    return mupdf.pdf_page_from_fz_page(page.this)
