"""Rows of a page in tesseract's TSV: twelve columns, boxes as left, top, width, height in pixels from the top left."""

from collections.abc import Iterator

from supervisor.ocr.layout import Block, Box, PageLayout

HEADER = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
_NO_WORD = "-1\t"
# A picture or rule is a block of one blank word to tesseract, of which it is always this sure.
_PICTURE = "95\t "


def page_rows(layout: PageLayout, page_number: int) -> str:
    """Return the rows of a page, each with its line feed, without the header; confidences are whole numbers."""
    page = Box(0, 0, layout.width, layout.height)
    return "".join((_row(1, page_number, (0, 0, 0, 0), page, _NO_WORD), *_rows(layout, page_number)))


def _rows(layout: PageLayout, page_number: int) -> Iterator[str]:
    for block_number, block in enumerate(layout.blocks, 1):
        yield _row(2, page_number, (block_number, 0, 0, 0), block.box, _NO_WORD)
        if block.kind == "text":
            yield from _text_rows(block, block_number, page_number)
        else:
            yield _row(3, page_number, (block_number, 1, 0, 0), block.box, _NO_WORD)
            yield _row(4, page_number, (block_number, 1, 1, 0), block.box, _NO_WORD)
            yield _row(5, page_number, (block_number, 1, 1, 1), block.box, _PICTURE)


def _text_rows(block: Block, block_number: int, page_number: int) -> Iterator[str]:
    for paragraph_number, paragraph in enumerate(block.paragraphs, 1):
        yield _row(3, page_number, (block_number, paragraph_number, 0, 0), paragraph.box, _NO_WORD)
        for line_number, line in enumerate(paragraph.lines, 1):
            yield _row(4, page_number, (block_number, paragraph_number, line_number, 0), line.box, _NO_WORD)
            for word_number, word in enumerate(line.words, 1):
                place = (block_number, paragraph_number, line_number, word_number)
                yield _row(5, page_number, place, word.box, f"{word.confidence}\t{word.text}")


def _row(level: int, page_number: int, place: tuple[int, int, int, int], box: Box, word: str) -> str:
    block, paragraph, line, number = place
    size = f"{box.right - box.left}\t{box.bottom - box.top}"
    return f"{level}\t{page_number}\t{block}\t{paragraph}\t{line}\t{number}\t{box.left}\t{box.top}\t{size}\t{word}\n"
