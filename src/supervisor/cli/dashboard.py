"""`supervisor dashboard`: sessions, workers and events, as they go on."""

import signal
import sys

import click

from supervisor.board.entries import event_entry, run_entry, session_entry, slots_entry, summary_entry, worker_entry
from supervisor.cli.names import session_names
from supervisor.cli.options import Location, located
from supervisor.cli.output import print_json
from supervisor.cli.settings import repository_name
from supervisor.cli.watch import REFRESH_SECONDS, REFRESH_SECONDS_IN_LOGS
from supervisor.dashboard.config import DashboardConfig
from supervisor.dashboard.live import LiveDashboard
from supervisor.dashboard.sight import Sight
from supervisor.model.states import SessionStatus
from supervisor.supervision.place import Place

SCHEMA = "supervisor.dashboard/1"


@click.command()
@click.option("--duration", type=float, metavar="SECONDS", help="Leave by itself after that.")
@click.option(
    "--refresh",
    type=float,
    metavar="SECONDS",
    help="Look that often.  [default: 1, and 10 where it is no terminal]",
)
@click.option("--compact", is_flag=True, help="Leave out lanes, events and empty lines.")
@click.option(
    "--session",
    metavar="SESSION",
    shell_complete=session_names,
    help="This one only, with its runs: its id or title, or the beginning of it.",
)
@click.option(
    "--status", type=click.Choice([status.value for status in SessionStatus]), help="Only sessions in this state."
)
@click.option("--lane", metavar="LANE", help="Only runs in this lane.")
@located
@click.pass_context
def dashboard(
    ctx: click.Context,
    /,
    *,
    where: Location,
    duration: float | None,
    refresh: float | None,
    compact: bool,
    session: str | None,
    status: str | None,
    lane: str | None,
) -> int:
    """Watch sessions, workers and what happens; q or Ctrl-C leaves, and disturbs nobody.

    Where standard output is no terminal, it is printed once; with --duration, again and again.

    \b
      supervisor dashboard
      supervisor dashboard --session "Night of 21 November"
      supervisor dashboard --compact --status running
      supervisor dashboard --duration 600 --refresh 60 >> night.log
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    if where.as_json and (duration is not None or refresh is not None):
        raise click.UsageError("--json prints how it stands now: --duration and --refresh have no meaning beside it")
    usual = REFRESH_SECONDS if sys.stdout.isatty() else REFRESH_SECONDS_IN_LOGS
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    watched = LiveDashboard(
        place,
        repository_name=repository_name(ctx, place.repository),
        config=DashboardConfig(refresh_rate=usual if refresh is None else refresh, compact_mode=compact),
        session=session,
        status=status,
        lane=lane,
    )
    if where.as_json:
        print_json(_document(watched.look()))
        return 0
    stopped = watched.start_live(duration)
    return 0 if stopped is None or stopped is signal.SIGINT else 128 + stopped


def _document(sight: Sight) -> dict[str, object]:
    overview = sight.overview
    return {
        "schema": SCHEMA,
        "at": overview.at.isoformat(),
        "sessions": [session_entry(session) for session in overview.sessions],
        "runs": None if sight.runs is None else [run_entry(run) for run in sight.runs],
        "workers": [worker_entry(worker) for worker in overview.workers],
        "events": [event_entry(event) for event in overview.events],
        "slots": slots_entry(overview.slots),
        "summary": summary_entry(overview.summary),
        "pages_per_second": overview.pages_per_second,
        "cache_share": overview.cache_share,
    }
