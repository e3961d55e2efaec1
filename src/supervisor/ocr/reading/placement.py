"""Where a picture made for recognition lies on its page, and back: boxes, baselines and heights of type."""

import math
from dataclasses import dataclass, replace

from supervisor.ocr.layout import Box, Line, PageLayout, moved
from supervisor.ocr.reading.picture import Picture


@dataclass(frozen=True, slots=True)
class Placement:
    """Takes points of a made picture to the page it was made of: `x' = ax + by + c`, `y' = dx + ey + f`.

    Points lie between pixels, as in `Box`; the order of the numbers is that of Pillow's affine transform.
    """

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 1.0
    f: float = 0.0

    @property
    def numbers(self) -> tuple[float, float, float, float, float, float]:
        """The six, as Pillow wants them."""
        return self.a, self.b, self.c, self.d, self.e, self.f

    def __call__(self, x: float, y: float) -> tuple[float, float]:
        """Return the point of the page."""
        return self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f

    @property
    def magnification(self) -> float:
        """How many pixels of the page one of the picture is long."""
        return math.sqrt(abs(self.a * self.e - self.b * self.d))


def placed(layout: PageLayout, placement: Placement, page: Picture, *, angle: int = 0) -> PageLayout:
    """Return the layout of a made picture as one of its page.

    Args:
        layout: What was recognised in the made picture.
        placement: Where that lies on the page.
        page: What it was made of.
        angle: Degrees counter-clockwise by which upright text of the made picture is turned on the page.
    """
    width, height = page.image.size

    def move(box: Box) -> Box:
        corners = [placement(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
        across, down = sorted(x for x, _ in corners), sorted(y for _, y in corners)
        return Box(
            _within(across[0], width), _within(down[0], height), _within(across[-1], width), _within(down[-1], height)
        )

    def with_figures(line: Line, before: Line) -> Line:
        turned = (before.angle + angle) % 360
        return replace(
            line,
            baseline=(0.0, 0.0) if turned else _baseline(before, placement, line.box),
            x_size=before.x_size * placement.magnification,
            ascenders=before.ascenders * placement.magnification,
            descenders=before.descenders * placement.magnification,
            angle=turned,
        )

    there = moved(layout, page.image.size, page.dpi, move)
    before = layout.lines()
    blocks = tuple(
        replace(
            block,
            paragraphs=tuple(
                replace(paragraph, lines=tuple(with_figures(line, next(before)) for line in paragraph.lines))
                for paragraph in block.paragraphs
            ),
        )
        for block in there.blocks
    )
    return replace(there, blocks=blocks)


def _within(coordinate: float, limit: int) -> int:
    return min(max(round(coordinate), 0), limit)


def _baseline(line: Line, placement: Placement, box: Box) -> tuple[float, float]:
    """Return slope and offset on the page, where the line has `box`; tesseract gives turned lines none."""
    slope, offset = line.baseline
    base = line.box.bottom + offset
    left, left_base = placement(line.box.left, base)
    right, right_base = placement(line.box.right, base + slope * (line.box.right - line.box.left))
    new_slope = (right_base - left_base) / (right - left) if right > left else 0.0
    return new_slope, left_base + new_slope * (box.left - left) - box.bottom
