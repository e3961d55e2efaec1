"""`supervisor show RUN`: how a run stands, and what happened to it."""

from collections.abc import Iterator
from datetime import datetime

import click

from supervisor.board.history import RunHistory, read_history, reason
from supervisor.cli.names import run_names
from supervisor.cli.options import Location, located
from supervisor.cli.output import print_json, print_wrapped, shown_seconds
from supervisor.cli.report import shown_documents, shown_resources, shown_run_pages
from supervisor.cli.settings import repository_name
from supervisor.model.paths import printable
from supervisor.model.states import ACTIVE, RunStatus
from supervisor.store.events import Event
from supervisor.store.runs import RunRow
from supervisor.supervision.control.selection import find_run, unknown_name
from supervisor.supervision.place import Place

_LABEL_COLUMNS = 13


@click.command()
@click.argument("name", metavar="RUN", shell_complete=run_names)
@located
@click.pass_context
def show(ctx: click.Context, /, *, where: Location, name: str) -> int:
    """Show how a run stands, and its whole history, one line an event.

    \b
      supervisor show letters
      supervisor show letters --json
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    if not place.has_control:
        raise unknown_name(name, what="run")
    engine = place.databases.open_control()
    try:
        run = find_run(engine, place.identity(repository_name(ctx, place.repository)), name)
        history = read_history(engine, place.databases, place.runs_directory, run.id)
    finally:
        engine.dispose()
    if where.as_json:
        print_json(history.to_json())
    else:
        _print(history)
    return 0


def _print(history: RunHistory) -> None:
    click.echo(f"{history.row.run_id}  {history.row.status}")
    for label, text in _facts(history):
        print_wrapped(f"  {label:<{_LABEL_COLUMNS - 2}}", printable(text), indent=_LABEL_COLUMNS)
    click.echo()
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
    is_cleaned_up = row.status not in ACTIVE and not report.artifacts.is_dir() and not report.documents
    yield "results", "removed" if is_cleaned_up else f"{shown_documents(report)}, {shown_run_pages(report)}"
    if report.artifacts.is_dir():
        yield "artifacts", str(report.artifacts)
    if history.staged is not None:
        yield "staged", f"{history.staged} (not published, since the run was cancelled)"
    yield "database", report.database


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
