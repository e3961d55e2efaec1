"""The figures on top of a picture: how fast it goes, and who is busy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.text import Text

from supervisor.board.counts import WorkerTotals
from supervisor.dashboard.drawing import fitted
from supervisor.dashboard.sight import Sight
from supervisor.model.states import ENDED_SESSIONS


@dataclass(frozen=True)
class Fact:
    """A figure with its name.

    Attributes:
        cells: Its width, so that those beside it do not move when it changes.
        rank: Where there is no room for all, the lowest ones are shown.
    """

    name: str
    value: str
    cells: int
    rank: int
    style: str = "bold"


def facts_in_two_lines(sight: Sight, columns: int) -> Iterator[Text]:
    """Show figures beneath their names."""
    shown = _fitting(_facts(sight), columns)
    names, values = Text(style="dim", no_wrap=True), Text(no_wrap=True)
    for fact in shown:
        names.append(f"{fact.name:<{fact.cells}}")
        values.append(f"{fitted(fact.value, fact.cells - 1):<{fact.cells}}", fact.style)
    for line in (names, values):
        line.rstrip()
        yield line


def facts_in_one_line(sight: Sight, columns: int) -> Text:
    """Show figures beside their names, those that matter most."""
    line = Text(no_wrap=True)
    for fact in sorted(_facts(sight), key=lambda fact: fact.rank):
        more = Text(f"{fact.name} ", style="dim").append(f"{fact.value:<{fact.cells - 1}}", f"not dim {fact.style}")
        if line.cell_len + len(fact.name) + 1 + len(fact.value) > columns:
            break
        line.append_text(more)
    line.rstrip()
    return line


def _fitting(facts: Sequence[Fact], columns: int) -> list[Fact]:
    """Return as many as there is room for, in the order in which they are given."""
    shown: list[Fact] = []
    for fact in sorted(facts, key=lambda fact: fact.rank):
        columns -= fact.cells
        if columns < 0:
            break
        shown.append(fact)
    return [fact for fact in facts if fact in shown]


def _facts(sight: Sight) -> list[Fact]:
    workers, slots, work = sight.overview.summary.workers, sight.overview.slots, _work(sight)
    there = workers.total - workers.offline
    return [
        Fact("pages/s", _rate(sight.pages_per_second), 9, 0),
        Fact("reused", "-" if work.cache_share is None else f"{work.cache_share:.0%}", 8, 3),
        Fact("workers", f"{workers.busy} of {there} busy" if there else _absent(workers), 16, 1, _mood(workers)),
        Fact("OCR slots", "-" if slots is None else f"{slots.taken} of {slots.count}", 11, 2),
        Fact("waiting", "-" if slots is None else f"{slots.waiting}", 9, 5),
        Fact("sessions", f"{work.sessions:,} active", 12, 6),
        Fact("documents", f"{work.documents:,} to do", 15, 4),
        Fact("pages", f"{work.pages:,} to do", 17, 7),
    ]


class _Work(NamedTuple):
    """What there is to do in what is looked at; pages as far as they are known."""

    sessions: int
    documents: int
    pages: int
    cache_share: float | None


def _work(sight: Sight) -> _Work:
    overview = sight.overview
    if not sight.scope:
        totals = overview.summary
        return _Work(totals.sessions.active, totals.documents.queued, totals.pages.queued, overview.cache_share)
    active = [session for session in overview.sessions if session.status not in ENDED_SESSIONS]
    read = sum(s.pages.ocr + s.pages.text_layer + s.pages.cache + s.pages.blank for s in overview.sessions)
    return _Work(
        sessions=len(active),
        documents=sum(session.documents.total - session.documents.done for session in active),
        pages=sum(session.pages.found - session.pages.done for session in active),
        cache_share=sum(session.pages.cache for session in overview.sessions) / read if read else None,
    )


def _absent(workers: WorkerTotals) -> str:
    return f"{workers.offline} offline" if workers.offline else "none"


def _mood(workers: WorkerTotals) -> str:
    return "bold yellow" if workers.offline or not workers.total else "bold"


def _rate(pages_per_second: float | None) -> str:
    if pages_per_second is None:
        return "-"
    return f"{pages_per_second:.1f}" if pages_per_second < 100 else f"{pages_per_second:.0f}"
