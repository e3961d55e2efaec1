"""A document as ALTO 4 of the Library of Congress (https://www.loc.gov/standards/alto/)."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph
from supervisor.ocr.markup import escaped

_BEFORE = """\
<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\
 xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-2.xsd">
 <Description>
  <MeasurementUnit>pixel</MeasurementUnit>
  <sourceImageInformation>
   <fileName>{document}</fileName>
  </sourceImageInformation>
  <Processing ID="processing_1">
   <processingSoftware>
    <softwareName>supervisor</softwareName>
   </processingSoftware>
  </Processing>
 </Description>
 <Layout>
"""
_AFTER = """\
 </Layout>
</alto>
"""
_PICTURES = {"photo": "Illustration", "separator": "GraphicalElement"}
# tesseract's eng, deu or chi in chi_sim are ISO 639; script/Latin is no language.
_LANGUAGE = re.compile(r"([a-z]{3})(_|$)")


def alto_file(document: str, pages: Sequence[str]) -> str:
    """Join pages, each as `page_element` makes it."""
    return "".join((_BEFORE.format(document=escaped(document)), *pages, _AFTER))


def page_element(layout: PageLayout, page_number: int) -> str:
    """Return the element of a page; every id begins with a name that is no other element's, and the page number."""
    return "\n".join((*_Page(page_number).lines(layout), ""))


def empty_page_element(page_number: int) -> str:
    """Return the element of a page that has no result."""
    return f'  <Page ID="page_{page_number}" PHYSICAL_IMG_NR="{page_number}"/>\n'


class _Page:
    def __init__(self, number: int) -> None:
        self._number = number
        self._paragraph_count = 0
        self._line_count = 0
        self._word_count = 0

    def lines(self, layout: PageLayout) -> Iterator[str]:
        whole = Box(0, 0, layout.width, layout.height)
        size = f'WIDTH="{layout.width}" HEIGHT="{layout.height}"'
        yield f'  <Page ID="page_{self._number}" PHYSICAL_IMG_NR="{self._number}" {size}>'
        yield f"   <PrintSpace {_place(whole)}>"
        for number, block in enumerate(layout.blocks, 1):
            yield from self._block(block, number)
        yield "   </PrintSpace>"
        yield "  </Page>"

    def _block(self, block: Block, number: int) -> Iterator[str]:
        place = f'ID="cblock_{self._number}_{number}" {_place(block.box)}'
        if block.kind != "text":
            yield f"    <{_PICTURES[block.kind]} {place}/>"
            return
        yield f"    <ComposedBlock {place}>"
        for paragraph in block.paragraphs:
            yield from self._text_block(paragraph)
        yield "    </ComposedBlock>"

    def _text_block(self, paragraph: Paragraph) -> Iterator[str]:
        self._paragraph_count += 1
        known = _LANGUAGE.match(paragraph.language)
        language = f' LANG="{known[1]}"' if known else ""
        yield (f'     <TextBlock ID="block_{self._number}_{self._paragraph_count}" {_place(paragraph.box)}{language}>')
        for line in paragraph.lines:
            # A line of no string is not valid.
            if line.words:
                yield from self._text_line(line)
        yield "     </TextBlock>"

    def _text_line(self, line: Line) -> Iterator[str]:
        self._line_count += 1
        yield f'      <TextLine ID="line_{self._number}_{self._line_count}" {_place(line.box)}>'
        spaces = [_space(one.box, other.box) for one, other in pairwise(line.words)]
        for word, space in zip(line.words, (*spaces, ""), strict=True):
            self._word_count += 1
            yield (
                f'       <String ID="string_{self._number}_{self._word_count}" {_place(word.box)}'
                f' WC="{word.confidence / 100:.2f}" CONTENT="{escaped(word.text)}"/>{space}'
            )
        yield "      </TextLine>"


def _space(one: Box, other: Box) -> str:
    """Return the gap between two words, whichever stands first; words that touch or overlap have one of no width."""
    left, right = min(one.right, other.right), max(one.left, other.left)
    return f'<SP HPOS="{left}" VPOS="{one.top}" WIDTH="{max(0, right - left)}"/>'


def _place(box: Box) -> str:
    return f'HPOS="{box.left}" VPOS="{box.top}" WIDTH="{box.right - box.left}" HEIGHT="{box.bottom - box.top}"'
