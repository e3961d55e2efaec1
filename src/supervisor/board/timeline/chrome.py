"""A timeline in the Trace Event Format, which Perfetto (ui.perfetto.dev) and Chrome (about:tracing) open.

The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU. Times are whole
microseconds since the session's first moment. Each worker is a process; its runs are thread 0, its page processes are
those that follow. What waits in the queue stands in a process of its own, with arrows to where it is claimed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from supervisor.board.timeline.lanes import known_pages, lane_counts, page_lanes
from supervisor.board.timeline.model import SOURCES, PageSpan, TermSpan, Timeline

Event = dict[str, object]

_COUNTED_INTERVALS = 200


def chrome_trace(timeline: Timeline) -> dict[str, object]:
    """Return the whole document."""
    session = timeline.session
    return {
        "traceEvents": list(_Events(timeline).all()),
        "displayTimeUnit": "ms",
        "otherData": {
            "session": session.id,
            "title": session.title,
            "status": session.status,
            "begins_at": timeline.begins_at.isoformat(),
        },
    }


@dataclass(frozen=True)
class _Line:
    """A line of the picture: what the format calls a thread of a process."""

    pid: int
    tid: int

    def named(self, kind: str, **arguments: object) -> Event:
        return self._event("M", kind, args=arguments)

    def span(self, name: str, category: str, begin: int, end: int, **facts: object) -> Event:
        """Return a bar; those of one line must not overlap, unless one lies within the other."""
        return self._event("X", name, cat=category, ts=begin, dur=max(0, end - begin), args=facts)

    def instant(self, name: str, at: int, *, scope: str, **facts: object) -> Event:
        """Return a moment of this line (scope `t`), or of all lines of its process (`p`)."""
        return self._event("i", name, cat="mark", ts=at, s=scope, args=facts)

    def arrow(self, phase: str, number: int, at: int) -> Event:
        """Return the start (phase `s`) or the end (`f`) of an arrow, at the bar that is there at that time."""
        binding = {"bp": "e"} if phase == "f" else {}
        return self._event(phase, "claimed", cat="queue", id=number, ts=at, **binding)

    def counter(self, name: str, at: int, **values: float) -> Event:
        return self._event("C", name, ts=at, args=values)

    def _event(self, phase: str, name: str, **others: object) -> Event:
        return {"ph": phase, "name": name, "pid": self.pid, "tid": self.tid, **others}


_QUEUE = _Line(1, 0)
_FIRST_WORKER = 2


class _Events:
    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._pids = {worker: pid for pid, worker in enumerate(timeline.workers, _FIRST_WORKER)}
        claims = {(term.run_id, term.claimed_at) for term in timeline.terms}
        waits = enumerate(((wait.run_id, wait.until) for wait in timeline.waits), 1)
        # The numbers of the arrows from the queue, by the claims that they lead to.
        self._arrows = {claim: number for number, claim in waits if claim in claims}

    def all(self) -> Iterator[Event]:
        yield from self._names()
        yield from self._queue()
        for term in self._timeline.terms:
            yield from self._term(term)
        yield from self._marks()
        yield from self._pages_per_second()
        yield from self._slots()

    def _names(self) -> Iterator[Event]:
        counts = lane_counts(self._timeline.terms)
        for pid, process in ((_QUEUE.pid, "queue"), *((pid, worker) for worker, pid in self._pids.items())):
            yield _Line(pid, 0).named("process_name", name=process)
            yield _Line(pid, 0).named("process_sort_index", sort_index=pid)
            if process in counts:
                yield _Line(pid, 0).named("thread_name", name="runs")
            for lane in range(1, counts.get(process, 0) + 1):
                yield _Line(pid, lane).named("thread_name", name=f"page process {lane}")

    def _queue(self) -> Iterator[Event]:
        """Yield what waits, each on the first line that is free."""
        free: list[int] = []
        for wait in self._timeline.waits:
            begin, end = self._at(wait.queued_at), self._at(wait.until or self._timeline.read_at)
            lane = next((lane for lane, until in enumerate(free) if until <= begin), len(free))
            free[lane : lane + 1] = [end]
            line = replace(_QUEUE, tid=lane)
            yield line.span(wait.run_id, "queue", begin, end)
            number = self._arrows.get((wait.run_id, wait.until)) if wait.until else None
            if number is not None:
                yield line.arrow("s", number, begin)

    def _term(self, term: TermSpan) -> Iterator[Event]:
        runs = _Line(self._pids[term.worker], 0)
        begin, end = self._at(term.claimed_at), self._at(term.ended_at or self._timeline.read_at)
        yield runs.span(
            term.run_id,
            term.outcome or "executing",
            begin,
            end,
            attempt=term.attempt,
            lease_term=term.lease_term,
            outcome=term.outcome,
            reason=term.reason,
            resources=term.resources.to_json() if term.resources else None,
        )
        number = self._arrows.get((term.run_id, term.claimed_at))
        if number is not None:
            yield runs.arrow("f", number, begin)
        for lane, pages in enumerate(page_lanes(term), 1):
            free = 0
            for page in pages:
                # The clock may have been set meanwhile; one process has one page after the other all the same.
                begin = max(free, self._at(page.began_at))
                free = max(begin, self._at(page.ended_at))
                yield from _phases(page, replace(runs, tid=lane), begin, free)
        for page in known_pages(term):
            at = self._at(page.ended_at)
            yield runs.instant(
                SOURCES[page.source], at, scope="t", document=page.document, page_number=page.page_number
            )

    def _marks(self) -> Iterator[Event]:
        for mark in self._timeline.marks:
            line = _Line(self._pids.get(mark.worker or "", _QUEUE.pid), 0)
            name, at = f"{mark.run_id}: {mark.event}", self._at(mark.at)
            yield line.instant(name, at, scope="p", run_id=mark.run_id, actor=mark.actor, reason=mark.reason)

    def _pages_per_second(self) -> Iterator[Event]:
        seconds = max(1.0, self._timeline.seconds / _COUNTED_INTERVALS)
        width = round(seconds * 1e6)
        counts = Counter(self._at(page.ended_at) // width for page in self._timeline.pages)
        for interval in sorted({*counts, *(one + 1 for one in counts)}):
            yield _QUEUE.counter("pages per second", interval * width, pages=round(counts[interval] / seconds, 3))

    def _slots(self) -> Iterator[Event]:
        changes: list[tuple[int, int, int]] = []
        for page in self._timeline.pages:
            if page.slot is not None:
                begin, works, end = (self._at(one) for one in (page.began_at, page.works_from, page.ended_at))
                changes += [(begin, 1, 0), (works, -1, 1), (end, 0, -1)]
        waiting = working = 0
        for at, more_waiting, more_working in sorted(changes):
            waiting, working = waiting + more_waiting, working + more_working
            yield _QUEUE.counter("pages with slots, and without", at, working=working, waiting=waiting)

    def _at(self, moment: datetime) -> int:
        return max(0, round((moment - self._timeline.begins_at).total_seconds() * 1e6))


def _phases(page: PageSpan, line: _Line, begin: int, end: int) -> Iterator[Event]:
    """Yield a page, and within it how its time went."""
    name = f"{page.document}, page {page.page_number}"
    facts = {"words": page.words, "slot": page.slot, "error": page.error}
    yield line.span(name, SOURCES[page.source], begin, end, **facts)
    phases = {
        "waiting for a slot": page.waiting_seconds,
        "preparing": page.preparing_seconds or 0.0,
        "recognising": page.recognising_seconds or 0.0,
    }
    for phase, seconds in phases.items():
        until = min(end, begin + round(seconds * 1e6))
        if until > begin:
            yield line.span(phase, SOURCES[page.source], begin, until)
        begin = until
