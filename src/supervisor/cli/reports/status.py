"""How a session stands, for people: facts, a line for each run, what failed, what to type next."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import click

from supervisor.board.counts import DocumentCounts, PageCounts
from supervisor.board.standing import Failure, Standing
from supervisor.board.views import EventView, LaneView, RunView, SessionView
from supervisor.cli.output import print_wrapped
from supervisor.cli.reports.next_lines import print_lines
from supervisor.cli.reports.next_steps import AGAIN
from supervisor.cli.reports.tables import (
    painted_state,
    print_facts,
    print_table,
    shown_good,
    shown_moment,
    shown_share,
    shown_span,
)
from supervisor.cli.workers import print_workers
from supervisor.model.amounts import shown_seconds
from supervisor.model.paths import printable
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.supervision.attendance import Attendance

_LISTED_RUNS = 30
_LISTED_FAILURES = 20
_LISTED_LOCKS = 20
# What somebody should look at first, where not all can be listed.
_RANKS = (RunStatus.RUNNING, RunStatus.FAILED, RunStatus.QUEUED, RunStatus.CANCELLED, RunStatus.SUCCEEDED)


def print_standing(standing: Standing, runs_directory: Path, *, every_run: bool) -> None:
    """Print a session, its runs, and why documents failed."""
    session = standing.session
    click.echo(f"{printable(session.title)}  {painted_state(session.status)}")
    facts = list(_facts(session, standing.overview.at))
    if session.runs.keys() & {RunStatus.SUCCEEDED, RunStatus.FAILED}:
        facts.append(("results", f"{runs_directory}/RUN_ID/output"))
    print_facts(facts)
    if standing.runs:
        click.echo()
        _print_runs(standing.runs, every_run=every_run)
    if standing.failures:
        click.echo()
        _print_failures(standing.failures)
    if standing.run_again:
        click.echo()
        click.echo("run again since")
        for run in standing.run_again:
            print_wrapped(
                f"  {run.run_id}  ", f"attempt {run.attempt}, in session {run.session_id}: {run.status}", indent=4
            )


def print_details(standing: Standing) -> None:
    """Print what surrounds a session: locked files, workers, what happened last."""
    click.echo()
    for lock in standing.locks[:_LISTED_LOCKS]:
        run = f", for run {lock.run_id}" if lock.run_id else ""
        click.echo(f"locked  {printable(lock.path)} since {shown_moment(lock.acquired_at)}{run}")
    if len(standing.locks) > _LISTED_LOCKS:
        click.echo(f"… and {len(standing.locks) - _LISTED_LOCKS:,} more: supervisor locks")
    if not standing.locks:
        click.echo("no file is locked for it")
    click.echo()
    if standing.overview.workers:
        print_workers(standing.overview.workers)
    else:
        click.echo("no worker is there")
    click.echo()
    _print_events(standing.overview.events)


def print_next(standing: Standing, there: Attendance, location: Sequence[str]) -> None:
    """Print what a person would type next.

    Args:
        standing: The session.
        there: Who is there for it.
        location: The words that make other commands work where this one did.
    """
    lines = [(["supervisor", *words, *location], why) for words, why in _next(standing, there)]
    if lines:
        click.echo()
        print_lines(lines)


def _next(standing: Standing, there: Attendance) -> Iterator[tuple[list[str], str]]:
    session, runs = standing.session, standing.runs
    unfinished = [run for run in runs if run.status in {RunStatus.QUEUED, RunStatus.RUNNING}]
    waiting = [run for run in unfinished if not run.is_paused]
    if session.paused_runs or session.status is SessionStatus.PAUSED:
        yield ["resume", session.id], "go on with what is paused"
    elif waiting and not there.is_served:
        if all(run.claimed_at is None for run in waiting):
            yield ["work", "--session", session.id], "execute what is queued: nobody does"
        else:
            yield ["resume", session.id], "go on with it: nobody executes it any more"
    if session.runs.get(RunStatus.RUNNING):
        yield ["dashboard", "--session", session.id], "watch it"
    # Other commands go by the run id, and would speak of what came after.
    run_again = {run.run_id for run in standing.run_again}
    failed = [run.run_id for run in runs if run.status is RunStatus.FAILED and run.run_id not in run_again]
    if failed:
        yield ["show", failed[0]], "what failed, and what is weak"
        yield ["logs", failed[0]], "what its executor said"
        yield ["--run-ids", ",".join(failed)], AGAIN


def _print_events(events: Sequence[EventView]) -> None:
    columns = [(shown_moment(event.at), event.run_id, event.event) for event in events]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    for event, texts in zip(events, columns, strict=True):
        start = "  ".join(f"{text:<{width}}" for text, width in zip(texts, widths, strict=True))
        why = f"{event.actor}: {event.reason}" if event.reason else event.actor
        print_wrapped(f"{start}  ", printable(why), indent=widths[0] + 2)


def _facts(session: SessionView, at: datetime) -> Iterator[tuple[str, str]]:
    yield "session", session.id
    if session.intent:
        yield "intent", session.intent
    if session.started_at is None:
        yield "created", shown_moment(session.created_at)
    else:
        ended = f", ended {shown_moment(session.finished_at)}" if session.finished_at else ""
        took = shown_span(session.started_at, session.finished_at, at)
        yield "started", f"{shown_moment(session.started_at)}{ended} ({took})"
    if session.progress is not None:
        of = "" if session.progress.total is None else f" of {session.progress.total:,}"
        note = f": {session.progress.note}" if session.progress.note else ""
        yield "progress", f"{session.progress.done:,}{of}{note}"
    if session.runs:
        yield "documents", _documents(session.documents)
        yield "pages", _pages(session.pages, session.documents)
    if session.pages_per_second:
        left = session.remaining_seconds
        # No estimate is good to a tenth of a second.
        about = "" if left is None else shown_seconds(left) if left >= 60 else f"{left:.0f} s"
        remaining = f", about {about} left" if about else ""
        yield "rate", f"{session.pages_per_second:,.1f} pages per second{remaining}"
    if session.finished_at is None and any(lane.name for lane in session.lanes):
        yield "lanes", "; ".join(_lane(lane) for lane in session.lanes)


def _documents(documents: DocumentCounts) -> str:
    failed = f", {documents.failed:,} failed" if documents.failed else ""
    return f"{documents.done:,} of {documents.total:,} done{failed}"


def _pages(pages: PageCounts, documents: DocumentCounts) -> str:
    """Return how far pages are, and where their texts are from; more of them may be found until all are opened."""
    words = {
        "recognised": pages.ocr,
        "reused": pages.cache,
        "from their text layer": pages.text_layer,
        "blank": pages.blank,
        "skipped": pages.skipped,
        "failed": pages.failed,
    }
    if not pages.found:
        return "none found yet" if documents.done < documents.total else "none"
    told = ", ".join(f"{count:,} {word}" for word, count in words.items() if count)
    more = "at least " if documents.opened < documents.total and documents.done < documents.total else ""
    return f"{pages.done:,} of {more}{pages.found:,} done{f': {told}' if told else ''}"


def _lane(lane: LaneView) -> str:
    running = ", ".join(lane.running) if lane.running else "nothing"
    queued = f", {lane.queued:,} queued" if lane.queued else ""
    ended = f", {lane.ended:,} ended" if lane.ended else ""
    return f"{lane.name or 'no lane'}: {running} running{queued}{ended}"


def _print_runs(runs: Sequence[RunView], *, every_run: bool) -> None:
    shown = runs
    if len(runs) > _LISTED_RUNS and not every_run:
        shown = sorted(runs, key=lambda run: _RANKS.index(run.status))[:_LISTED_RUNS]
    rows = [
        (
            run.run_id,
            _state(run),
            shown_good(run.documents.done, run.documents.failed, run.documents.total),
            shown_good(run.pages.done, run.pages.failed, run.pages.found),
            shown_share(run.pages.ocr, run.pages.done),
            shown_share(run.pages.cache, run.pages.done),
            _story(run),
        )
        for run in shown
    ]
    print_table(("run", "state", "documents", "pages", "recognised", "reused", "does"), rows)
    if len(runs) > len(shown):
        click.echo(f"… and {len(runs) - len(shown):,} more: --verbose lists all")


def _state(run: RunView) -> str:
    """Return the state of a run, and what somebody wants of it."""
    if run.is_cancelled:
        return "cancelling"
    if run.is_paused:
        return "paused" if run.status is RunStatus.QUEUED else "pausing"
    return run.status


def _story(run: RunView) -> str:
    """Return what a run is busy with, or why it did not succeed, unless that is told of its documents."""
    if run.status is RunStatus.RUNNING:
        return f"{run.stage}, by {run.worker}"
    if run.error and not run.documents.failed:
        return run.error
    return run.stage if run.status is RunStatus.QUEUED and run.stage != RunStatus.QUEUED else ""


def _print_failures(failures: Sequence[Failure]) -> None:
    click.echo("failed documents")
    for failure in failures[:_LISTED_FAILURES]:
        print_wrapped(f"  {failure.run_id}  ", printable(f"{failure.document}: {failure.error}"), indent=4)
    more = failures[_LISTED_FAILURES:]
    if more:
        click.echo(f"  … and {len(more):,} more: supervisor show {more[0].run_id}")
