"""The strip above the workers: how many pages a second were finished, and how many runs stood in the queue."""

from collections.abc import Iterator
from datetime import datetime

from supervisor.board.progress import counted
from supervisor.board.timeline.axis import Axis
from supervisor.board.timeline.heading import text
from supervisor.board.timeline.markup import element
from supervisor.board.timeline.model import SOURCES, Timeline

CURVE_HEIGHT = 92.0
_PAGES_HEIGHT, _QUEUE_HEIGHT = 46.0, 22.0
_QUEUE_TOP = _PAGES_HEIGHT + 18.0
_INTERVALS = 160
_LABEL_SPACE = 138.0


def curves(timeline: Timeline, axis: Axis, top: float) -> Iterator[str]:
    """Yield both; they take `CURVE_HEIGHT` pixels."""
    yield from _pages(timeline, axis, top)
    yield from _queue(timeline, axis, top + _QUEUE_TOP)


def _pages(timeline: Timeline, axis: Axis, top: float) -> Iterator[str]:
    """Yield a column for each interval, with its pages by source one on top of the other."""
    count = max(1, min(_INTERVALS, round(axis.seconds)))
    width, seconds = axis.width / count, axis.seconds / count
    columns = [dict.fromkeys(SOURCES, 0) for _ in range(count)]
    for page in timeline.pages:
        columns[min(count - 1, int((axis.x(page.ended_at) - axis.left) / width))][page.source] += 1
    most = max(sum(column.values()) for column in columns)
    yield text(axis.left - _LABEL_SPACE, top + 12, "pages per second", "label")
    yield text(axis.left - _LABEL_SPACE, top + 26, f"{most / seconds:.1f} at most" if most else "none known", "muted")
    for number, column in enumerate(columns):
        bottom = top + _PAGES_HEIGHT
        for source, pages in column.items():
            if pages:
                height = pages / most * _PAGES_HEIGHT
                bottom -= height
                tip = f"{pages / seconds:.1f} pages per second {SOURCES[source]}"
                yield element(
                    "rect",
                    tip=tip,
                    x=axis.left + number * width,
                    y=bottom,
                    width=max(0.5, width - 0.8),
                    height=height,
                    class_=f"{source} page",
                )


def _queue(timeline: Timeline, axis: Axis, top: float) -> Iterator[str]:
    """Yield steps: how many runs wait for a worker."""
    changes: list[tuple[datetime, int]] = []
    for wait in timeline.waits:
        changes += [(wait.queued_at, 1), (wait.until or timeline.read_at, -1)]
    most = waiting = 0
    steps: list[tuple[float, int]] = []
    for at, change in sorted(changes, key=lambda one: (one[0], -one[1])):
        steps.append((axis.x(at), waiting))
        waiting += change
        most = max(most, waiting)
        steps.append((axis.x(at), waiting))
    bottom = top + _QUEUE_HEIGHT
    yield text(axis.left - _LABEL_SPACE, top + 8, "in the queue", "label")
    yield text(axis.left - _LABEL_SPACE, top + 22, f"{counted(most, 'run')} at most", "muted")
    if most:
        points = " ".join(f"{x:.1f},{bottom - number / most * _QUEUE_HEIGHT:.1f}" for x, number in steps)
        yield element("polygon", points=f"{steps[0][0]:.1f},{bottom:.1f} {points}", class_="queued")
