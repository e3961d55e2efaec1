"""`supervisor show RUN`: how a run stands, and what happened to it."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from supervisor.board.history import RunHistory, read_history, reason
from supervisor.cli.looking import looking
from supervisor.cli.names import run_names
from supervisor.cli.options import Location, WholeNumber, located, typed_location
from supervisor.cli.output import print_json, print_wrapped
from supervisor.cli.reports.figures import shown_documents, shown_resources, shown_run_pages
from supervisor.cli.reports.next_lines import print_lines
from supervisor.cli.reports.quality import print_documents, print_pages
from supervisor.cli.reports.tables import painted_state, print_facts
from supervisor.model.amounts import shown_seconds
from supervisor.model.paths import printable
from supervisor.model.states import ACTIVE, RunStatus
from supervisor.store.events import Event
from supervisor.store.runs import RunRow
from supervisor.supervision.control.selection import find_run, unknown_name

_DOCUMENTS = 20
_PAGES = 10


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@click.option("--pages", type=WholeNumber(0), default=_PAGES, show_default=True, help="Show so many pages.")
@click.option("--all", "everything", is_flag=True, help="Show all documents and all pages.")
@located
@click.pass_context
def show(ctx: click.Context, /, *, where: Location, name: str, pages: int, everything: bool) -> int:
    """Show how a run stands, its documents and pages, and its whole history.

    Documents that failed come first, then those whose words are the least certain; pages the same. A page is weak if a
    quarter of its words or more have a confidence below 60. A run is named by its id, or the beginning of it.

    \b
      supervisor show letters
      supervisor show letters --pages 50
      supervisor show letters --all
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    with looking(ctx, where) as look:
        if look is None:
            raise unknown_name(name, what="run")
        run = find_run(look.engine, look.repository, name)
        limit = None if everything else pages
        history = read_history(look.engine, look.place.databases, look.place.runs_directory, run.id, pages_limit=limit)
    if where.as_json:
        print_json(history.to_json())
    else:
        _print(history, typed_location(ctx), everything=everything)
    return 0


def _print(history: RunHistory, location: Sequence[str], *, everything: bool) -> None:
    run_id = history.row.run_id
    click.echo(f"{run_id}  {painted_state(history.row.status)}")
    print_facts(_facts(history))
    click.echo()
    show_all = shlex.join(["supervisor", "show", *location, "--all", run_id])
    if history.documents:
        print_documents(history.documents, len(history.documents) if everything else _DOCUMENTS, all_of_them=show_all)
        click.echo()
    if history.pages:
        print_pages(history.pages, history.report.pages.total, all_of_them=show_all)
        click.echo()
    _print_events(history)
    if history.row.status is RunStatus.FAILED:
        click.echo()
        print_lines(
            [
                (["supervisor", "logs", *location, run_id], "what its executor said"),
                (["supervisor", *location, "--run-ids", run_id], "run it again, on what is committed now"),
            ]
        )


def _print_events(history: RunHistory) -> None:
    event_columns = max(len(event.event) for event in history.events)
    change_columns = max(len(_change(event)) for event in history.events)
    for event in history.events:
        at, why = f"{_local(event.at)}  ", reason(event)
        what = f"{event.event:<{event_columns}}  {_change(event):<{change_columns}}  "
        print_wrapped(at + what, printable(f"{event.actor}: {why}" if why else event.actor), indent=len(at))


def _facts(history: RunHistory) -> Iterator[tuple[str, str]]:
    row, report = history.row, history.report
    yield "session", f"{history.session.title} ({history.session.id}), {history.session.status}"
    yield "commit", row.commit_sha
    yield "lane", row.lane or "none"
    yield "priority", str(row.priority)
    limit = f", timeout {row.timeout_seconds} s" if row.timeout_seconds else ""
    yield (
        "attempt",
        f"{row.attempt} (retries {row.retry_count} of {row.max_retries}, rescues {row.rescue_count}{limit})",
    )
    if row.claimed_by:
        yield "worker", row.claimed_by
    yield from ((label, _local(moment)) for label, moment in _times(row) if moment)
    if report.seconds is not None:
        yield "took", f"{shown_seconds(report.seconds)} since it was claimed last"
    if report.resources is not None:
        yield "used", shown_resources(report.resources)
    if row.error:
        yield "error", row.error
    yield "results", _results(history)
    if report.artifacts.is_dir():
        yield "artifacts", str(report.artifacts)
    if history.staged is not None:
        yield "staged", f"{history.staged} (not published, since the run was cancelled)"
    yield "database", report.database


def _results(history: RunHistory) -> str:
    row, report = history.row, history.report
    if report.documents:
        return f"{shown_documents(report)}, {shown_run_pages(report)}"
    if row.status in ACTIVE:
        return "none yet"
    return "removed" if row.claimed_at is not None and not report.artifacts.is_dir() else "none"


def _times(row: RunRow) -> Iterator[tuple[str, datetime | None]]:
    yield "created", row.created_at
    if row.status is RunStatus.QUEUED:
        yield "due", row.available_at
    yield "started", row.started_at
    if row.status is RunStatus.RUNNING:
        yield "heartbeat", row.heartbeat_at
    yield "finished", row.finished_at


def _change(event: Event) -> str:
    if event.to_status is None:
        return ""
    return f"{event.from_status} → {event.to_status}" if event.from_status else f"→ {event.to_status}"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
