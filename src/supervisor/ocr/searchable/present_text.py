"""The text that a PDF page has already, where recognised text is laid onto it: no word should be found twice.

Invisible text was put there by an earlier recognition, and goes. Visible text stays; where it can be believed, the
recognised words that stand on it are left out.
"""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image, ImageDraw
from pymupdf import mupdf

from supervisor.ocr.documents.plausibility import is_plausible
from supervisor.ocr.documents.text_layer import placed_lines
from supervisor.ocr.layout import Block, PageLayout, Paragraph, Word

_INVISIBLE = 3
_MAX_SIDE_PIXELS = 2000


def remove_invisible_text(pdf: Any, index: int) -> None:
    """Remove the text of render mode 3 from a page; links, forms and notes stay."""
    page = pdf[index]
    if all(span["type"] != _INVISIBLE for span in page.get_texttrace()):
        return
    # MuPDF removes every link that a redaction touches, and carries out redactions that wait in the file: none may be
    # there for the moment.
    kind, annotations = pdf.xref_get_key(page.xref, "Annots")
    pdf.xref_set_key(page.xref, "Annots", "null")
    page = pdf.reload_page(page)
    page.add_redact_annot(page.rect * page.derotation_matrix)
    page.apply_redactions(
        images=mupdf.PDF_REDACT_IMAGE_NONE,
        graphics=mupdf.PDF_REDACT_LINE_ART_NONE,
        text=mupdf.PDF_REDACT_TEXT_REMOVE_INVISIBLE,
    )
    pdf.xref_set_key(page.xref, "Annots", annotations if kind != "null" else "null")
    pdf.reload_page(page)


def without_present_words(page: Any, layout: PageLayout) -> PageLayout:
    """Leave out the words whose middle lies on visible text of the page that can be believed."""
    present = [word for line in placed_lines(page, only_visible=True) for word in line.words]
    if not present or not is_plausible([word.text for word in present]):
        return layout
    covered = _drawn([word.box for word in present], page.rect)
    across, down = covered.width / layout.width, covered.height / layout.height

    def is_new(word: Word) -> bool:
        x, y = (word.box.left + word.box.right) / 2 * across, (word.box.top + word.box.bottom) / 2 * down
        return not covered.getpixel((min(max(0, int(x)), covered.width - 1), min(max(0, int(y)), covered.height - 1)))

    return _only(layout, is_new)


def _drawn(boxes: Sequence[Any], page_rect: Any) -> Image.Image:
    """Return a small picture of the page, white where the boxes are: one look tells whether any covers a point."""
    scale = min(1.0, _MAX_SIDE_PIXELS / max(page_rect.width, page_rect.height))
    picture = Image.new("1", (math.ceil(page_rect.width * scale), math.ceil(page_rect.height * scale)))
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        draw.rectangle([value * scale for value in (box.x0, box.y0, box.x1, box.y1)], fill=1)
    return picture


def _only(layout: PageLayout, is_wanted: Callable[[Word], bool]) -> PageLayout:
    def paragraph(one: Paragraph) -> Paragraph:
        lines = [replace(line, words=tuple(filter(is_wanted, line.words))) for line in one.lines]
        return replace(one, lines=tuple(line for line in lines if line.words))

    def block(one: Block) -> Block:
        return replace(one, paragraphs=tuple(map(paragraph, one.paragraphs)))

    return replace(layout, blocks=tuple(map(block, layout.blocks)))
