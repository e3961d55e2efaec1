"""`supervisor status`: how a session stands, and what to do next."""

from pathlib import Path

import click

from supervisor.board.standing import Standing, read_standing
from supervisor.cli.looking import Look, looking
from supervisor.cli.names import session_names
from supervisor.cli.options import Location, located, typed_location
from supervisor.cli.output import print_json, print_note
from supervisor.cli.reports.status import print_details, print_next, print_standing
from supervisor.clock import SystemClock
from supervisor.supervision.attendance import Attendance, attendance
from supervisor.supervision.control.selection import find_session, unknown_name

SCHEMA = "supervisor.status/1"


@click.command()
@click.argument("name", metavar="[SESSION]", required=False, shell_complete=session_names)
@click.option(
    "--verbose", "-v", is_flag=True, help="Also all runs, files that are locked, workers, and what happened last."
)
@located
@click.pass_context
def status(ctx: click.Context, /, *, where: Location, name: str | None, verbose: bool) -> int:
    """Show how a session stands: its runs, what failed and why, and what to type next.

    Without a name it is the latest session, of those that have not ended if there are any. A session is named by its id
    or title, or the beginning of one.

    \b
      supervisor status
      supervisor status "Night of 21 November" --verbose
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    with looking(ctx, where) as look:
        if look is None and name is not None:
            raise unknown_name(name, what="session")
        found = None if look is None else _look(look, name)
    if found is None:
        if where.as_json:
            print_json({"schema": SCHEMA, "at": SystemClock().now().isoformat(), **_NOTHING})
        else:
            click.echo("no session was ever made here; to make one, type: supervisor --run-ids A,B")
        return 0
    standing, there, directory = found
    if where.as_json:
        stopped = [{"id": one.id, "host": one.host, "pid": one.pid} for one in there.stopped]
        print_json({"schema": SCHEMA, **standing.to_json(), "is_served": there.is_served, "stopped": stopped})
        return 0
    print_standing(standing, directory, every_run=verbose)
    if verbose:
        print_details(standing)
    print_next(standing, there, typed_location(ctx))
    for one in there.stopped:
        print_note(
            f"supervisor: {one.id} was stopped and keeps its runs: to let it go on, type kill -CONT {one.pid}; "
            f"to end it, kill {one.pid}"
        )
    return 0


_NOTHING: dict[str, object] = {
    "session": None,
    **{name: [] for name in ("runs", "failures", "run_again", "file_locks", "workers", "events")},
    "is_served": False,
    "stopped": [],
}


def _look(look: Look, name: str | None) -> tuple[Standing, Attendance, Path] | None:
    session_id = None if name is None else find_session(look.engine, look.repository, name).id
    databases = look.place.databases
    standing = read_standing(look.engine, databases, look.repository, session_id, clock=SystemClock())
    if standing is None:
        return None
    directory, at = look.place.runs_directory, standing.overview.at
    there = attendance(look.engine, directory, databases, look.repository, standing.session.id, at=at)
    return standing, there, directory.root
