"""Putting pages together that are narrower than a pixel, so that a night of thousands still is a small picture."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

# A file that a mail or a wiki takes: about two hundred bytes each.
MOST_BANDS = 3000
_NARROWEST = 1.0
_WIDEST = 1024.0
_SIGN = 1.5


@dataclass(frozen=True)
class Band:
    """A stretch of a line of the picture, in pixels.

    Attributes:
        kind: What is drawn: `waiting`, or the source of a page.
        pages: How many pages it stands for.
        tip: What it says of itself, where it stands for one page.
    """

    left: float
    right: float
    kind: str
    pages: Counter[str]
    tip: str

    @property
    def width(self) -> float:
        """How wide it is."""
        return self.right - self.left


def together(lines: Sequence[Sequence[Band]]) -> list[list[Band]]:
    """Return the bands of all lines, those that are next to each other and narrow put together, until they are few."""
    narrow = _NARROWEST
    drawn = [list(_merged(line, narrow)) for line in lines]
    while sum(map(len, drawn)) > MOST_BANDS and narrow < _WIDEST:
        narrow *= 2
        drawn = [list(_merged(line, narrow)) for line in lines]
    return drawn


def _merged(bands: Iterable[Band], narrow: float) -> Iterator[Band]:
    group: list[Band] = []
    for band in sorted(bands, key=lambda band: band.left):
        is_near = bool(group) and band.left - group[-1].right < narrow
        if group and not (is_near and band.width < narrow and band.right - group[0].left <= 2 * narrow):
            yield from _put_together(group)
            group = []
        group.append(band)
    if group:
        yield from _put_together(group)


def _put_together(group: Sequence[Band]) -> Iterator[Band]:
    """Yield a band of what most of the group is; upon it the first failure, which is what one looks for."""
    first = group[0]
    right = max(first.left + _NARROWEST, *(band.right for band in group))
    if len(group) == 1:
        yield replace(first, right=right)
        return
    widths: dict[str, float] = {}
    for band in group:
        widths[band.kind] = widths.get(band.kind, 0.0) + max(band.width, 0.001)
    kind = max(widths, key=lambda kind: widths[kind])
    yield Band(first.left, right, kind, sum((band.pages for band in group), Counter[str]()), "")
    failed = [band for band in group if band.kind == "failed"]
    if failed and kind != "failed":
        others = f"\nand {len(failed) - 1:,} more beside it" if len(failed) > 1 else ""
        left = min(failed[0].left, right - _SIGN)
        yield Band(left, left + _SIGN, "failed", Counter(), failed[0].tip + others)
