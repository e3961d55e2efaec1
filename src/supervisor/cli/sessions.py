"""`supervisor list`: the sessions there are."""

from collections.abc import Sequence
from datetime import datetime

import click

from supervisor.board.entries import session_entry
from supervisor.board.overview import read_overview
from supervisor.board.views import SessionView
from supervisor.cli.looking import looking
from supervisor.cli.options import Location, WholeNumber, located
from supervisor.cli.output import print_json
from supervisor.cli.reports.tables import print_table, shown_good, shown_moment, shown_span
from supervisor.clock import SystemClock
from supervisor.model.states import RunStatus, SessionStatus

_LISTED = 20


@click.command("list")
@click.option("--status", type=click.Choice([state.value for state in SessionStatus]), help="Only those in this state.")
@click.option("--limit", type=WholeNumber(1), default=_LISTED, show_default=True, help="List at most so many.")
@located
@click.pass_context
def list_sessions(ctx: click.Context, /, *, where: Location, status: str | None, limit: int) -> int:
    """List the sessions of this repository, the newest first.

    \b
      supervisor list
      supervisor list --status failed --limit 5
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    clock, state = SystemClock(), SessionStatus(status) if status else None
    with looking(ctx, where) as look:
        if look is None:
            at, found = clock.now(), []
        else:
            overview = read_overview(look.engine, look.repository, clock=clock, status=state, events_limit=0)
            at, found = overview.at, sorted(overview.sessions, key=lambda one: one.created_at, reverse=True)
    if where.as_json:
        sessions = [session_entry(session) for session in found[:limit]]
        print_json({"schema": "supervisor.sessions/1", "at": at.isoformat(), "total": len(found), "sessions": sessions})
    elif found:
        _print(found[:limit], at)
        if len(found) > limit:
            click.echo(f"… and {len(found) - limit:,} more: supervisor list --limit {len(found)}")
    else:
        click.echo(f"no session is {status}" if status else "no session was ever made here")
    return 0


def _print(sessions: Sequence[SessionView], at: datetime) -> None:
    head = ("session", "state", "started", "took", "documents", "pages", "title", "runs")
    rows = [
        (
            session.id,
            session.status,
            shown_moment(session.started_at),
            shown_span(session.started_at, session.finished_at, at),
            shown_good(session.documents.done, session.documents.failed, session.documents.total),
            shown_good(session.pages.done, session.pages.failed, session.pages.found),
            session.title,
            ", ".join(f"{session.runs[status]:,} {status}" for status in RunStatus if session.runs.get(status))
            or "no runs",
        )
        for session in sessions
    ]
    print_table(head, rows, beneath=2)
