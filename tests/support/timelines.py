"""Timelines of nights that nobody has to wait for."""

import random
from datetime import UTC, datetime, timedelta

from supervisor.board.timeline.model import Mark, PageSpan, Source, TermSpan, Timeline, WaitSpan
from supervisor.model.resources import Resources
from supervisor.model.states import SessionStatus
from supervisor.store.sessions import SessionRow

BEGIN = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
ODD = '<b>"Büro & Söhne"</b> \u202e\x1b[31m\ud800'


def session(title: str = "Night of 21 November", status: SessionStatus = SessionStatus.COMPLETED) -> SessionRow:
    return SessionRow("b28e79996e38", title, None, status, BEGIN, BEGIN, None)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def page(
    number: int,
    begin: float,
    *,
    waiting: float = 0.0,
    working: float = 1.0,
    source: Source = "ocr",
    process: int | None = 7,
) -> PageSpan:
    known = process is None
    return PageSpan(
        document="scans/a.tiff",
        page_number=number,
        source=source,
        began_at=at(begin),
        ended_at=at(begin + waiting + working),
        waiting_seconds=waiting,
        preparing_seconds=None if known else working * 0.1,
        recognising_seconds=None if known else working * 0.8,
        words=100,
        error="is broken" if source == "failed" else None,
        page_process=process,
        slot=None if known or source == "text_layer" else 0,
    )


def term(
    run_id: str, worker: str, begin: float, end: float | None, *pages: PageSpan, outcome: str = "succeeded"
) -> TermSpan:
    is_over = end is not None
    return TermSpan(
        run_id=run_id,
        attempt=1,
        lease_term=1,
        worker=worker,
        claimed_at=at(begin),
        ended_at=None if end is None else at(end),
        outcome=outcome if is_over else None,
        status=outcome if is_over else None,
        reason=f"why it {outcome}",
        resources=Resources(12.5, 310_000_000, end - begin, begin) if end is not None else None,
        pages=pages,
    )


def night(*, runs: int = 40, pages: int = 10_000, workers: int = 4, processes: int = 4) -> Timeline:
    """A night with everything that can happen in one, drawn by lot, and the same each time."""
    lot = random.Random(1)  # noqa: S311 (nobody is to guess nothing)
    free = [2.0] * workers
    terms, waits, marks = [], [], []
    for number in range(runs):
        worker = free.index(min(free))
        begin = free[worker] + 0.5
        outcome = lot.choice(["succeeded"] * 8 + ["failed", "cancelled", "paused", "rescued"])
        run_id, name = f"box-{number:02}-letters", f"desk-811-05d57f8a-{worker + 1}"
        clocks, made = [begin + 1.0] * processes, []
        for one in range(pages // runs):
            process = clocks.index(min(clocks))
            source: Source = lot.choice(["ocr"] * 7 + ["cache"] * 5 + ["text_layer", "blank", "failed"])
            if source == "cache":
                made.append(page(one, clocks[process], working=0, source=source, process=None))
                continue
            waiting, working = lot.choice([0, 0, 0.4, 2.0]), lot.uniform(0.3, 3)
            made.append(
                page(one, clocks[process], waiting=waiting, working=working, source=source, process=100 + process)
            )
            clocks[process] += waiting + working
        free[worker] = max(clocks) + 0.3
        terms.append(term(run_id, name, begin, free[worker], *made, outcome=outcome))
        waits.append(WaitSpan(run_id, BEGIN, at(begin)))
        if outcome in {"cancelled", "paused", "rescued"}:
            marks.append(Mark(run_id, at(free[worker] - 3), outcome, "ada", "asked for", name))
    return Timeline(session(), at(max(free)), terms, waits, marks)
