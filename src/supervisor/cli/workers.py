"""`supervisor workers`: those who execute runs, and how many they are."""

import click

from supervisor.board.progress import counted
from supervisor.cli.options import Location, WholeNumber, located, locating_options
from supervisor.cli.output import print_json, print_note
from supervisor.cli.settings import repository_name
from supervisor.errors import UsageError
from supervisor.model.numbers import MAX_WORKERS
from supervisor.supervision.control.scaling import scale as scale_supervisor
from supervisor.supervision.place import Place


@click.group(no_args_is_help=True)
@locating_options
def workers(**_options: object) -> int:
    """Change how many workers a supervisor has."""
    return 0


@workers.command
@click.argument("number", metavar="N", type=WholeNumber(1, MAX_WORKERS))
@click.option("--supervisor", "name", metavar="ID", help="Which one, if several are at work: its id, or a beginning.")
@located
@click.pass_context
def scale(ctx: click.Context, /, *, where: Location, number: int, name: str | None) -> int:
    """Let a supervisor execute N runs at a time from now on.

    New workers begin at once. Those that are too many go when they are idle: a run that executes is not put aside.

    \b
      supervisor workers scale 4
      supervisor workers scale 1 --supervisor desk-4711
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    if not place.has_control:
        raise UsageError("no supervisor is at work here", hint="start one: supervisor work --workers N")
    with place.open_workshop(print_note) as shop:
        done = scale_supervisor(shop, place.identity(repository_name(ctx, place.repository)), number, name)
    one, before = done.supervisor, done.supervisor.desired_workers
    if where.as_json:
        document = {"id": one.id, "host": one.host, "pid": one.pid, "workers": number, "workers_before": before}
        print_json({"schema": "supervisor.workers-scale/1", "supervisor": document})
    else:
        was = f", it had {before}" if before != number else " already"
        click.echo(f"{one.id} (pid {one.pid} on {one.host}): {counted(number, 'worker')}{was}")
    return 0
