"""Reading a timeline: from the history of a session's runs, and from their traces where these are still there."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.artifacts.trace import read_trace
from supervisor.board.history import reason
from supervisor.board.timeline.model import Mark, PageSpan, Source, TermSpan, Timeline, WaitSpan
from supervisor.clock import Clock
from supervisor.json_lines import is_moment
from supervisor.model.resources import Resources
from supervisor.model.states import RunStatus
from supervisor.store import events, naming, sessions
from supervisor.store.engine import snapshot
from supervisor.store.events import Event
from supervisor.store.moments import database_now
from supervisor.store.runs import RunHead

_SOURCES = {
    "page_recognised": "ocr",
    "page_text_kept": "text_layer",
    "page_reused": "cache",
    "page_blank": "blank",
    "page_failed": "failed",
}
# What bars say already.
_UNREMARKABLE = frozenset({"queued", "claimed", "succeeded", "failed"})


def read_timeline(engine: Engine, directory: RunsDirectory, session_id: str, clock: Clock) -> Timeline:
    """Read what happened in a session.

    A trace holds the terms of the latest attempt of its run, and none that was executed on another machine, unless they
    share the runs directory; of the others only claims and ends are known.

    Raises:
        DatabaseError: The database cannot be read.
    """
    with snapshot(engine) as connection:
        read_at = database_now(connection, clock)
        session = sessions.get(connection, session_id)
        rows = naming.of_session(connection, session_id)
        happened = events.histories(connection, [row.id for row in rows])
    terms: list[TermSpan] = []
    waits: list[WaitSpan] = []
    marks: list[Mark] = []
    for row in rows:
        story = happened[row.id]
        pages = _pages(directory, row.run_id) if any(event.to_status is RunStatus.RUNNING for event in story) else {}
        terms += _terms(row, story, pages)
        waits += _waits(row, story)
        marks += _marks(row, story)
    return Timeline(
        session=session,
        read_at=read_at,
        terms=sorted(terms, key=lambda term: (term.claimed_at, term.run_id)),
        waits=sorted(waits, key=lambda wait: (wait.queued_at, wait.run_id)),
        marks=sorted(marks, key=lambda mark: (mark.at, mark.run_id)),
    )


def _terms(row: RunHead, story: Sequence[Event], pages: Mapping[int, Sequence[PageSpan]]) -> Iterator[TermSpan]:
    ends = {event.lease_term: event for event in story if event.from_status is RunStatus.RUNNING and event.to_status}
    for claim in story:
        if claim.to_status is not RunStatus.RUNNING:
            continue
        end = ends.get(claim.lease_term)
        yield TermSpan(
            run_id=row.run_id,
            attempt=claim.attempt,
            lease_term=claim.lease_term,
            worker=claim.actor,
            claimed_at=claim.at,
            ended_at=end.at if end else None,
            outcome=end.event if end else None,
            status=end.to_status if end else None,
            reason=reason(end) if end else None,
            resources=Resources.from_json(end.detail.get("resources")) if end else None,
            pages=pages.get(claim.lease_term, ()),
        )


def _waits(row: RunHead, story: Sequence[Event]) -> Iterator[WaitSpan]:
    queued_at = None
    for event in story:
        if event.to_status is None:
            continue
        if queued_at is not None:
            yield WaitSpan(row.run_id, queued_at, event.at)
        queued_at = event.at if event.to_status is RunStatus.QUEUED else None
    if queued_at is not None:
        yield WaitSpan(row.run_id, queued_at, None)


def _marks(row: RunHead, story: Sequence[Event]) -> Iterator[Mark]:
    worker = None
    for event in story:
        if event.to_status is RunStatus.RUNNING:
            worker = event.actor
        if event.event not in _UNREMARKABLE:
            yield Mark(row.run_id, event.at, event.event, event.actor, reason(event), worker)
        if event.from_status is RunStatus.RUNNING:
            worker = None


def _pages(directory: RunsDirectory, run_id: str) -> Mapping[int, Sequence[PageSpan]]:
    """Return the pages of a run by lease term, as its trace tells."""
    pages = defaultdict[int, list[PageSpan]](list)
    for event in read_trace(directory.run(run_id).trace):
        source = _SOURCES.get(event["event"])
        if source is not None:
            try:
                pages[event["lease_term"]].append(_page(event, cast("Source", source)))
            except (KeyError, TypeError, ValueError, OverflowError):
                continue  # another program wrote it
    return pages


def _page(event: Mapping[str, Any], source: Source) -> PageSpan:
    ended_at = datetime.fromisoformat(event["at"])
    duration = timedelta(milliseconds=event["duration_ms"])
    page = PageSpan(
        document=str(event["document"]),
        page_number=int(event["page_number"]),
        source=source,
        # One that was known took no time, whatever it had taken when it was recognised.
        began_at=ended_at if source == "cache" else ended_at - duration,
        ended_at=ended_at,
        words=int(event["word_count"]),
        error=None if event.get("error") is None else str(event["error"]),
    )
    if "page_process" not in event:
        return page
    began_at, waiting = datetime.fromisoformat(event["began_at"]), timedelta(milliseconds=event["waiting_ms"])
    if not is_moment(began_at):
        raise ValueError(f"{began_at} is not the same everywhere")
    return replace(
        page,
        began_at=began_at,
        ended_at=began_at + waiting + duration,
        waiting_seconds=waiting.total_seconds(),
        preparing_seconds=event["preparing_ms"] / 1000,
        recognising_seconds=event["recognising_ms"] / 1000,
        page_process=int(event["page_process"]),
        slot=None if event["slot"] is None else int(event["slot"]),
    )
