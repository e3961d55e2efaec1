"""The bars of a picture: the runs of one worker, and beneath them the pages of its page processes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from supervisor.board.progress import counted
from supervisor.board.timeline.axis import Axis
from supervisor.board.timeline.bands import Band
from supervisor.board.timeline.heading import text
from supervisor.board.timeline.lanes import known_pages, page_lanes
from supervisor.board.timeline.markup import element
from supervisor.board.timeline.model import SOURCES, Mark, PageSpan, TermSpan
from supervisor.model.amounts import shown_bytes, shown_seconds

RUN_HEIGHT = 22.0
_LETTER_WIDTH = 6.2
_ICON_WIDTH = 18.0
_CLASSES = {"succeeded": "", "failed": "failed", "cancelled": "cancelled"}
# In a square of ten pixels.
_ICONS = {
    "succeeded": "M1.5 5.5 4 8 8.5 2.5",
    "failed": "M2 2 8 8M8 2 2 8",
    "cancelled": "M2 5H8",
    "paused": "M3.2 2V8M6.8 2V8",
}
_GOES_ON = "M8.5 5A3.5 3.5 0 1 1 7.2 2.2M7.5 .5V2.6H5.4"


def run_bar(term: TermSpan, axis: Axis, top: float, read_at: datetime) -> Iterator[str]:
    """Yield the bar of a lease term with its name, as far as there is room, and how it ended."""
    left, right = axis.x(term.claimed_at), axis.x(term.ended_at or read_at)
    width = max(1.5, right - left)
    kind = "" if term.outcome is None else _CLASSES.get(term.outcome, "again")
    yield element(
        "rect",
        tip=_told(term, read_at),
        x=left,
        y=top,
        width=width,
        height=RUN_HEIGHT,
        rx=min(4, width / 3),
        class_=f"run {kind}".rstrip(),
    )
    has_icon = term.outcome is not None and width > _ICON_WIDTH
    letters = int((width - 10 - (_ICON_WIDTH if has_icon else 0)) / _LETTER_WIDTH)
    if letters >= min(3, len(term.run_id)):
        name = term.run_id if len(term.run_id) <= letters else f"{term.run_id[: letters - 1]}…"
        yield text(left + 6, top + 15, name, "name")
    if has_icon and term.outcome is not None:
        path = _ICONS.get(term.outcome, _GOES_ON)
        yield element("path", d=path, transform=f"translate({right - 15:.1f} {top + 6:.1f})", class_="icon")


def mark_sign(mark: Mark, axis: Axis, top: float) -> str:
    """Return the sign of something that happened to a run, at the upper edge of its bar."""
    x = axis.x(mark.at)
    why = f": {mark.reason}" if mark.reason else ""
    tip = f"{mark.at.astimezone():%H:%M:%S}  run {mark.run_id}: {mark.event} ({mark.actor}){why}"
    return element("path", tip=tip, d=f"M{x:.1f} {top - 4:.1f}l4 4-4 4-4-4z", class_="mark")


def lines_of(terms: Sequence[TermSpan], count: int, axis: Axis) -> list[list[Band]]:
    """Return the lines beneath the bars of a worker: its page processes, and last the pages that were known already."""
    lines: list[list[Band]] = [[] for _ in range(count)]
    known: list[Band] = []
    for term in terms:
        for line, pages in zip(lines, page_lanes(term), strict=False):
            for page in pages:
                line.extend(_bands(page, term.run_id, axis))
        known += [band for page in known_pages(term) for band in _bands(page, term.run_id, axis)]
    return [*lines, known] if known else lines


def page_bar(band: Band, top: float, height: float) -> str:
    """Return what stands for a page, or for many that are too narrow for a picture."""
    told = [f"{band.pages[source]:,} {words}" for source, words in SOURCES.items() if band.pages[source]]
    many = f"{counted(band.pages.total(), 'page')}: {', '.join(told)}" if told else "pages wait for OCR slots"
    width = max(1.0, band.width - (0.6 if band.width > 3 else 0))
    return element(
        "rect", tip=band.tip or many, x=band.left, y=top, width=width, height=height, class_=f"{band.kind} page"
    )


def _bands(page: PageSpan, run_id: str, axis: Axis) -> Iterator[Band]:
    left, works, right = axis.x(page.began_at), axis.x(page.works_from), axis.x(page.ended_at)
    tip = _page_told(page, run_id)
    if works - left >= 0.5:
        yield Band(left, works, "waiting", Counter(), f"{tip}\nhere it waits for an OCR slot")
    yield Band(works, right, page.source, Counter({page.source: 1}), tip)


def _page_told(page: PageSpan, run_id: str) -> str:
    parts = [f"{page.document}, page {page.page_number}: {SOURCES[page.source]}", f"run {run_id}"]
    spent = [
        f"{shown_seconds(seconds)} {what}"
        for what, seconds in (
            ("waiting", page.waiting_seconds),
            ("preparing", page.preparing_seconds),
            ("recognising", page.recognising_seconds),
        )
        if seconds
    ]
    if spent:
        parts.append(", ".join(spent))
    if page.error:
        parts.append(page.error)
    return "\n".join(parts)


def _told(term: TermSpan, read_at: datetime) -> str:
    end = (term.ended_at or read_at).astimezone()
    seconds = (end - term.claimed_at).total_seconds()
    lines = [
        f"run {term.run_id}, attempt {term.attempt}: {term.outcome or 'executing'}",
        f"{term.claimed_at.astimezone():%H:%M:%S} to {end:%H:%M:%S}, {shown_seconds(seconds)}, on {term.worker}",
    ]
    if term.pages:
        counts = Counter(page.source for page in term.pages)
        told = (f"{counts[source]:,} {words}" for source, words in SOURCES.items() if counts[source])
        lines.append(f"{len(term.pages):,} pages: {', '.join(told)}")
    if term.resources is not None and term.resources.cpu_seconds is not None:
        memory = shown_bytes(term.resources.peak_memory_bytes or 0)
        lines.append(f"{shown_seconds(term.resources.cpu_seconds)} of processor time, {memory} of memory at most")
    if term.reason and term.outcome != "succeeded":
        lines.append(term.reason)
    return "\n".join(lines)
