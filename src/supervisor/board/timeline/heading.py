"""The upper part of a picture: what it shows, what it adds up to, and what the colours mean."""

from collections.abc import Iterator

from supervisor.board.progress import counted
from supervisor.board.timeline.markup import element, escaped
from supervisor.board.timeline.model import SOURCES, Timeline
from supervisor.model.amounts import shown_bytes, shown_seconds

# Less is shown as 0.0 s.
_NOTED_SECONDS = 0.05
# Of the average letter, in pixels.
_LETTER_WIDTH, _LARGE_LETTER_WIDTH = 6.0, 9.4


def text(x: float, y: float, content: str, class_: str) -> str:
    """Return a line of text."""
    return element("text", [escaped(content)], x=x, y=y, class_=class_)


def heading(timeline: Timeline, left: float, top: float) -> Iterator[str]:
    """Yield title, figures and legend; they take 128 pixels."""
    session = timeline.session
    begin, end = timeline.begins_at.astimezone(), timeline.ends_at.astimezone()
    until = f"{end:%H:%M:%S}" if begin.date() == end.date() else f"{end:%-d %B %Y, %H:%M:%S}"
    yield text(left, top + 20, session.title, "title")
    when = f"session {session.id}, {session.status} · {begin:%-d %B %Y, %H:%M:%S} to {until} {end:%Z}"
    yield text(left, top + 40, when, "muted")
    x = left
    for label, value in _figures(timeline):
        yield text(x, top + 66, label, "muted")
        yield text(x, top + 86, value, "value")
        x += 30 + max(len(label) * _LETTER_WIDTH, len(value) * _LARGE_LETTER_WIDTH)
    x = left
    for kind, label in _legend(timeline):
        yield element("rect", x=x, y=top + 104, width=11, height=11, rx=2, class_=f"{kind} page")
        yield text(x + 16, top + 113, label, "muted")
        x += 34 + len(label) * _LETTER_WIDTH


def _figures(timeline: Timeline) -> Iterator[tuple[str, str]]:
    """Yield what there is to know at a glance, the most important first."""
    seconds = timeline.seconds
    workers = counted(len(timeline.workers), "worker")
    runs = counted(len({term.run_id for term in timeline.terms} | {wait.run_id for wait in timeline.waits}), "run")
    yield f"{runs}, {workers}", shown_seconds(seconds)
    pages = len(timeline.pages)
    if pages:
        rate = f" · {pages / seconds:.1f}/s" if seconds else ""
        yield "pages", f"{pages:,}{rate}"
        yield "reused", f"{(timeline.cache_share or 0) * 100:.0f} %"
        yield "waiting for slots", shown_seconds(timeline.waiting_seconds)
    spent = timeline.resources
    if spent is not None and spent.cpu_seconds is not None:
        cores = f" · {spent.cpu_seconds / seconds:.1f} cores" if seconds else ""
        yield "processor time", f"{shown_seconds(spent.cpu_seconds)}{cores}"
    if spent is not None and spent.peak_memory_bytes:
        yield "most memory of a run", shown_bytes(spent.peak_memory_bytes)


def _legend(timeline: Timeline) -> Iterator[tuple[str, str]]:
    for source, words in SOURCES.items():
        if timeline.sources[source]:
            yield source, f"{timeline.sources[source]:,} {words}"
    if timeline.waiting_seconds >= _NOTED_SECONDS:
        yield "waiting", "waiting for an OCR slot"
