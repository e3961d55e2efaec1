"""A timeline as an SVG picture: a row for each worker, runs as bars, pages beneath them; no script, no outside file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from supervisor.board.progress import counted
from supervisor.board.timeline.axis import Axis
from supervisor.board.timeline.bands import Band, together
from supervisor.board.timeline.bars import RUN_HEIGHT, lines_of, mark_sign, page_bar, run_bar
from supervisor.board.timeline.curves import CURVE_HEIGHT, curves
from supervisor.board.timeline.heading import heading, text
from supervisor.board.timeline.lanes import lane_counts
from supervisor.board.timeline.markup import element, escaped
from supervisor.board.timeline.model import TermSpan, Timeline
from supervisor.board.timeline.style import style

_WIDTH, _EDGE = 1200.0, 24.0
_LABELS = 148.0
_HEADING = 136.0
_AXIS = 24.0
_ROW_GAP, _PADDING, _BAR_GAP = 10.0, 9.0, 5.0
# All page processes of a worker together take about as much; few are drawn thicker than many.
_LINES_HEIGHT, _LINE_GAP = 56.0, 2.0
_THICKEST, _THINNEST = 9.0, 3.0
_LETTERS = 22
_NOTHING = 30.0


def svg_picture(timeline: Timeline) -> str:
    """Return the whole file."""
    axis = Axis(timeline.begins_at, timeline.ends_at, _EDGE + _LABELS, _WIDTH - 2 * _EDGE - _LABELS)
    rows = list(_rows(timeline, axis))
    rows_top = _EDGE + _HEADING + CURVE_HEIGHT + _AXIS
    bottom = rows[-1].bottom if rows else rows_top + _NOTHING
    content = [
        element("title", [escaped(f"Session {timeline.session.title}")]),
        style(),
        element("rect", width=_WIDTH, height=bottom + _EDGE, rx=8, class_="paper"),
        *heading(timeline, _EDGE, _EDGE),
        *(row.card() for row in rows),
        *_grid(axis, _EDGE + _HEADING, rows_top, bottom),
        *curves(timeline, axis, _EDGE + _HEADING),
        *(shape for row in rows for shape in row.shapes(timeline, axis)),
    ]
    if not rows:
        content.append(text(_EDGE, rows_top + 20, "No run of this session has been claimed yet.", "muted"))
    size = f"0 0 {_WIDTH:.0f} {bottom + _EDGE:.0f}"
    return element("svg", content, xmlns="http://www.w3.org/2000/svg", viewBox=size, role="img") + "\n"


@dataclass(frozen=True)
class _Row:
    """What one worker did.

    Attributes:
        top: Where it begins.
        terms: By their claims.
        lines: Of pages, beneath the bars of the terms.
    """

    worker: str
    top: float
    terms: Sequence[TermSpan]
    lines: Sequence[Sequence[Band]]

    @property
    def thickness(self) -> float:
        """Of a line."""
        return max(_THINNEST, min(_THICKEST, _LINES_HEIGHT / max(1, len(self.lines)) - _LINE_GAP))

    @property
    def bottom(self) -> float:
        """Where it ends."""
        lines = _BAR_GAP - _LINE_GAP + len(self.lines) * (self.thickness + _LINE_GAP) if self.lines else 0
        return self.top + 2 * _PADDING + RUN_HEIGHT + lines

    def card(self) -> str:
        """Return what lies beneath it."""
        width, height = _WIDTH - 2 * _EDGE, self.bottom - self.top
        return element("rect", x=_EDGE, y=self.top, width=width, height=height, rx=6, class_="card")

    def shapes(self, timeline: Timeline, axis: Axis) -> Iterator[str]:
        """Yield all that is drawn in it."""
        shown = self.worker if len(self.worker) <= _LETTERS else f"…{self.worker[1 - _LETTERS :]}"
        left, top = _EDGE + 10, self.top + _PADDING
        yield element("text", [escaped(shown)], tip=self.worker, x=left, y=top + 15, class_="label")
        if self.lines:
            yield text(left, top + 31, counted(len({term.run_id for term in self.terms}), "run"), "muted")
        for term in self.terms:
            yield from run_bar(term, axis, top, timeline.read_at)
        line_top = top + RUN_HEIGHT + _BAR_GAP
        for line in self.lines:
            yield from (page_bar(band, line_top, self.thickness) for band in line)
            line_top += self.thickness + _LINE_GAP
        yield from (mark_sign(mark, axis, top) for mark in timeline.marks if mark.worker == self.worker)


def _rows(timeline: Timeline, axis: Axis) -> Iterator[_Row]:
    counts = lane_counts(timeline.terms)
    terms = {worker: [term for term in timeline.terms if term.worker == worker] for worker in timeline.workers}
    lines = {worker: lines_of(terms[worker], counts[worker], axis) for worker in terms}
    drawn = iter(together([line for worker in terms for line in lines[worker]]))
    top = _EDGE + _HEADING + CURVE_HEIGHT + _AXIS
    for worker, its_terms in terms.items():
        row = _Row(worker, top, its_terms, [next(drawn) for _ in lines[worker]])
        yield row
        top = row.bottom + _ROW_GAP


def _grid(axis: Axis, top: float, labels: float, bottom: float) -> Iterator[str]:
    for x, label in axis.ticks():
        yield element("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid")
        yield text(x, labels - 8, label, "axis")
