"""hOCR: reads what tesseract 4.1 to 5 writes, and writes the master of a page, which is read back without loss."""

import math
import re
from collections.abc import Iterator
from xml.parsers import expat

from supervisor.ocr.characters import one_line, plain
from supervisor.ocr.errors import RecogniserError
from supervisor.ocr.layout import Block, BlockKind, Box, Line, LineKind, PageLayout, Paragraph, Word
from supervisor.ocr.markup import escaped

_BLOCK_KINDS: dict[str, BlockKind] = {"ocr_carea": "text", "ocr_photo": "photo", "ocr_separator": "separator"}
_LINE_KINDS: dict[str, LineKind] = {
    "ocr_line": "line",
    "ocr_header": "header",
    "ocr_caption": "caption",
    "ocr_textfloat": "textfloat",
}
_BLOCK_CLASSES = {kind: name for name, kind in _BLOCK_KINDS.items()}
_LINE_CLASSES = {kind: name for name, kind in _LINE_KINDS.items()}
# Which elements may hold which; None is everything around the page.
_HOLDERS: dict[str, tuple[str | None, ...]] = {
    "ocr_page": (None,),
    **dict.fromkeys(_BLOCK_KINDS, ("ocr_page",)),
    "ocr_par": ("ocr_carea",),
    **dict.fromkeys(_LINE_KINDS, ("ocr_par",)),
    "ocrx_word": tuple(_LINE_KINDS),
}
# The legacy engine of tesseract marks fonts.
_EMPHASIS = ("strong", "em")

_BOX = r"bbox ([0-9]{1,9}) ([0-9]{1,9}) ([0-9]{1,9}) ([0-9]{1,9})"
_BOX_AND_REST = re.compile(_BOX + "(?:; (.*))?")
_BOX_AND_CONFIDENCE = re.compile(_BOX + "; x_wconf ([0-9]{1,2}|100)(?:;|$)")
# The name of the picture may hold anything; it ends with the last quotation mark. tesseract 4 states no resolution.
_PAGE = re.compile(
    '(?:image ".*"; )?bbox 0 0 ([0-9]{1,9}) ([0-9]{1,9})(?:; ppageno [0-9]+)?(?:; scan_res ([0-9]{1,9}) [0-9]{1,9})?',
    re.DOTALL,
)
_BLANKS = str.maketrans("\t\n", "  ")


def read_page(hocr: str, dpi: int | None = None) -> PageLayout:
    """Read hOCR of one page: a whole file of tesseract's, or what `write_page` wrote.

    Args:
        hocr: Untrusted. No entity but those of XML itself is expanded, nothing outside is read.
        dpi: Resolution of the page, where it is known better than the hOCR states it.

    Raises:
        RecogniserError: It is something else, or broken.
    """
    reader = _Reader(dpi)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.EntityDeclHandler = reader.entity
    parser.SkippedEntityHandler = reader.entity
    try:
        parser.Parse(hocr, True)
    except expat.ExpatError as error:
        raise _unreadable(str(error)) from error
    except UnicodeEncodeError as error:
        raise _unreadable("it holds what is no character") from error
    if reader.page is None:
        raise _unreadable("it holds no page")
    return reader.page


def write_page(layout: PageLayout, *, page_number: int = 1, image: str = "") -> str:
    """Return one `ocr_page` as tesseract would write it, the same every time; with the defaults it is a master.

    Args:
        layout: What to write.
        page_number: From 1; part of every id, so that pages can stand beside each other in a file.
        image: Path of the document, as text.
    """
    return "\n".join((*_Writer(page_number).lines(layout, image), ""))


def empty_page(page_number: int) -> str:
    """Return the `ocr_page` of a page that has no result."""
    return f"  <div class='ocr_page' id='page_{page_number}' title='bbox 0 0 0 0; ppageno {page_number - 1}'></div>\n"


class _Reader:
    """Builds the page from the parser's events; the lists hold what belongs to elements that are still open."""

    def __init__(self, dpi: int | None) -> None:
        self.page: PageLayout | None = None
        self._dpi = dpi
        self._size = (0, 0, 0)
        self._open: list[str | None] = [None]
        self._attributes: list[dict[str, str]] = []
        self._blocks: list[Block] = []
        self._paragraphs: list[Paragraph] = []
        self._lines: list[Line] = []
        self._words: list[Word] = []
        self._text = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = attributes.get("class")
        holder = self._open[-1]
        if name is None and (holder is None or (holder == "ocrx_word" and tag in _EMPHASIS)):
            name = holder
        elif name is None or holder not in _HOLDERS.get(name, ()):
            raise _unreadable(f"{name or tag} stands where it does not belong")
        elif name == "ocr_page":
            self._start_page(attributes)
        self._open.append(name)
        self._attributes.append(attributes)

    def end(self, _tag: str) -> None:
        name = self._open.pop()
        attributes = self._attributes.pop()
        if name is None or "class" not in attributes:
            return
        title = attributes.get("title", "")
        if name == "ocrx_word":
            self._words.append(_word(title, self._text))
            self._text = ""
        elif name in _LINE_KINDS:
            self._lines.append(_line(title, _LINE_KINDS[name], tuple(self._words)))
            self._words.clear()
        elif name == "ocr_par":
            paragraph = Paragraph(
                _box_and_rest(title)[0],
                tuple(self._lines),
                plain(attributes.get("lang", "")),
                attributes.get("dir") == "rtl",
            )
            self._paragraphs.append(paragraph)
            self._lines.clear()
        elif name in _BLOCK_KINDS:
            self._blocks.append(Block(_box_and_rest(title)[0], tuple(self._paragraphs), _BLOCK_KINDS[name]))
            self._paragraphs.clear()
        else:
            self.page = PageLayout(*self._size, tuple(self._blocks))

    def characters(self, text: str) -> None:
        holder = self._open[-1]
        if holder == "ocrx_word":
            self._text += text
        elif holder is not None and not text.isspace():
            raise _unreadable("text stands outside of words")

    def entity(self, name: str, *_definition: object) -> None:
        raise _unreadable(f"it uses the entity {name}")

    def _start_page(self, attributes: dict[str, str]) -> None:
        if self.page is not None:
            raise _unreadable("it holds more than one page")
        stated = _PAGE.fullmatch(attributes.get("title", ""))
        if stated is None:
            raise _unreadable("the page states no size")
        width, height, resolution = stated.groups()
        if self._dpi is None and resolution is None:
            raise _unreadable("the page states no resolution")
        self._size = (int(width), int(height), int(resolution) if self._dpi is None else self._dpi)


class _Writer:
    """Writes a page, counting as tesseract does: every kind of element through the whole page."""

    def __init__(self, page_number: int) -> None:
        self._page_number = page_number
        self._paragraph_count = 0
        self._line_count = 0
        self._word_count = 0

    def lines(self, layout: PageLayout, image: str) -> Iterator[str]:
        named = f'image "{escaped(image)}"; ' if image else ""
        yield (
            f"  <div class='ocr_page' id='page_{self._page_number}' title='{named}"
            f"bbox 0 0 {layout.width} {layout.height}; ppageno {self._page_number - 1};"
            f" scan_res {layout.dpi} {layout.dpi}'>"
        )
        for number, block in enumerate(layout.blocks, 1):
            start = f"   <div class='{_BLOCK_CLASSES[block.kind]}' id='block_{self._page_number}_{number}'"
            start += f" title='{_stated(block.box)}'>"
            if block.paragraphs:
                yield start
                for paragraph in block.paragraphs:
                    yield from self._paragraph(paragraph)
                yield "   </div>"
            else:
                yield start + "</div>"
        yield "  </div>"

    def _paragraph(self, paragraph: Paragraph) -> Iterator[str]:
        self._paragraph_count += 1
        direction = " dir='rtl'" if paragraph.is_right_to_left else ""
        language = f" lang='{escaped(paragraph.language)}'" if paragraph.language else ""
        yield (
            f"    <p class='ocr_par'{direction} id='par_{self._page_number}_{self._paragraph_count}'{language}"
            f" title='{_stated(paragraph.box)}'>"
        )
        for line in paragraph.lines:
            yield from self._line(line)
        yield "    </p>"

    def _line(self, line: Line) -> Iterator[str]:
        self._line_count += 1
        yield (
            f"     <span class='{_LINE_CLASSES[line.kind]}' id='line_{self._page_number}_{self._line_count}'"
            f" title='{_stated(line.box)}{_figures(line)}'>"
        )
        for word in line.words:
            self._word_count += 1
            yield (
                f"      <span class='ocrx_word' id='word_{self._page_number}_{self._word_count}'"
                f" title='{_stated(word.box)}; x_wconf {word.confidence}'>{escaped(word.text)}</span>"
            )
        yield "     </span>"


def _word(title: str, text: str) -> Word:
    stated = _BOX_AND_CONFIDENCE.match(title)
    if stated is None:
        raise _unreadable("a word states no box or no confidence")
    left, top, right, bottom, confidence = map(int, stated.groups())
    return Word(_one_word(text), _box(left, top, right, bottom), confidence)


def _line(title: str, kind: LineKind, words: tuple[Word, ...]) -> Line:
    box, rest = _box_and_rest(title)
    figures = dict(figure.partition(" ")[::2] for figure in rest.split("; "))
    slope, _, offset = figures.get("baseline", "0 0").partition(" ")
    angle = _number(figures.get("textangle", "0"))
    if angle % 90:
        raise _unreadable("a line is turned by no quarter")
    return Line(
        box,
        words,
        kind,
        baseline=(_number(slope), _number(offset)),
        x_size=_number(figures.get("x_size", "0")),
        descenders=_number(figures.get("x_descenders", "0")),
        ascenders=_number(figures.get("x_ascenders", "0")),
        angle=int(angle) % 360,
    )


def _box_and_rest(title: str) -> tuple[Box, str]:
    stated = _BOX_AND_REST.fullmatch(title)
    if stated is None:
        raise _unreadable("an element states no box")
    left, top, right, bottom, rest = stated.groups()
    return _box(int(left), int(top), int(right), int(bottom)), rest or ""


def _box(left: int, top: int, right: int, bottom: int) -> Box:
    # tesseract's box around nothing is inside out.
    return Box(left, top, max(left, right), max(top, bottom))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _unreadable("a line states a figure that is no number")
    return number


def _figures(line: Line) -> str:
    slope, offset = line.baseline
    stated = [f"baseline {_written(slope)} {_written(offset)}"] if slope or offset else []
    stated += [
        f"{name} {_written(value)}"
        for name, value in (
            ("textangle", line.angle),
            ("x_size", line.x_size),
            ("x_descenders", line.descenders),
            ("x_ascenders", line.ascenders),
        )
        if value
    ]
    return "".join(f"; {figure}" for figure in stated)


def _written(value: float) -> str:
    return repr(value).removesuffix(".0")


def _stated(box: Box) -> str:
    return f"bbox {box.left} {box.top} {box.right} {box.bottom}"


def _one_word(text: str) -> str:
    return plain(text).translate(_BLANKS)


def _unreadable(reason: str) -> RecogniserError:
    return RecogniserError(f"the hOCR of the recogniser cannot be read: {one_line(reason)}")
