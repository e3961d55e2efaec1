"""`supervisor summary`: everything of a repository in three lines."""

import click

from supervisor.board.counts import Summary, WorkTotals
from supervisor.board.entries import summary_entry
from supervisor.board.overview import read_overview
from supervisor.cli.looking import looking
from supervisor.cli.options import Location, located
from supervisor.cli.output import print_json
from supervisor.cli.reports.tables import shown_share
from supervisor.clock import SystemClock


@click.command()
@located
@click.pass_context
def summary(ctx: click.Context, /, *, where: Location) -> int:
    """Tell in three lines how busy the workers are, and how much is done and still to do.

    \b
      supervisor summary
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    with looking(ctx, where) as look:
        overview = (
            None
            if look is None
            else read_overview(look.engine, look.repository, clock=SystemClock(), sessions_limit=0, events_limit=0)
        )
    found = Summary() if overview is None else overview.summary
    if where.as_json:
        print_json({"schema": "supervisor.summary/1", **summary_entry(found)})
    else:
        _print(found)
    return 0


def _print(found: Summary) -> None:
    workers, sessions = found.workers, found.sessions
    troubled = f", {workers.error} in trouble" if workers.error else ""
    use = "" if workers.utilisation is None else f", {shown_share(workers.utilisation, 1)} in use"
    click.echo(
        f"workers    {workers.idle} idle, {workers.busy} busy, {workers.offline} offline{troubled}; "
        f"{workers.total} in all{use}"
    )
    click.echo(f"sessions   {sessions.active:,} active of {sessions.total:,}")
    click.echo(f"documents  {_shown(found.documents)}; pages {_shown(found.pages)}")


def _shown(work: WorkTotals) -> str:
    return f"{work.done:,} done ({work.failed:,} failed), {work.queued:,} queued"
