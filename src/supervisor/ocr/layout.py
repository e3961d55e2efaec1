"""A recognised page as a tree of boxes: what hOCR says, and what every other format is derived from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

LineKind = Literal["line", "header", "caption", "textfloat"]
BlockKind = Literal["text", "photo", "separator"]


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels from the top left; right and bottom lie outside, so the width is `right - left`."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Word:
    """One word; `confidence` is a whole number from 0 to 100."""

    text: str
    box: Box
    confidence: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of words.

    Attributes:
        kind: What the recogniser takes it for.
        baseline: Slope, and offset in pixels from the bottom left of the box, y growing downwards.
        x_size: Height of a line of this type in pixels, with `ascenders` and `descenders` their parts of it.
        angle: Degrees counter-clockwise by which the text is turned on the displayed page: 0, 90, 180 or 270.
    """

    box: Box
    words: tuple[Word, ...]
    kind: LineKind = "line"
    baseline: tuple[float, float] = (0.0, 0.0)
    x_size: float = 0.0
    descenders: float = 0.0
    ascenders: float = 0.0
    angle: int = 0


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together."""

    box: Box
    lines: tuple[Line, ...]
    language: str = ""
    is_right_to_left: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A column, or a picture or rule, which has no paragraphs."""

    box: Box
    paragraphs: tuple[Paragraph, ...] = ()
    kind: BlockKind = "text"


@dataclass(frozen=True, slots=True)
class PageLayout:
    """One page in reading order; boxes in pixels of the page as it is displayed."""

    width: int
    height: int
    dpi: int
    blocks: tuple[Block, ...] = ()

    def lines(self) -> Iterator[Line]:
        """Yield the lines in reading order."""
        for block in self.blocks:
            for paragraph in block.paragraphs:
                yield from paragraph.lines

    def words(self) -> Iterator[Word]:
        """Yield the words in reading order."""
        for line in self.lines():
            yield from line.words


def moved(page: PageLayout, size: tuple[int, int], dpi: int, move: Callable[[Box], Box]) -> PageLayout:
    """Return the page with every box moved by `move`, on a page of another size; figures of lines stay as they are."""

    def word(one: Word) -> Word:
        return replace(one, box=move(one.box))

    def line(one: Line) -> Line:
        return replace(one, box=move(one.box), words=tuple(map(word, one.words)))

    def paragraph(one: Paragraph) -> Paragraph:
        return replace(one, box=move(one.box), lines=tuple(map(line, one.lines)))

    def block(one: Block) -> Block:
        return replace(one, box=move(one.box), paragraphs=tuple(map(paragraph, one.paragraphs)))

    return PageLayout(size[0], size[1], dpi, tuple(map(block, page.blocks)))
