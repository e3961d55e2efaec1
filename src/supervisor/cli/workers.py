"""`supervisor workers`: those who execute runs, and how many they are."""

from collections.abc import Sequence

import click
from click.core import ParameterSource

from supervisor.board.entries import worker_entry
from supervisor.board.overview import read_overview
from supervisor.board.progress import counted
from supervisor.board.views import WorkerView
from supervisor.cli.looking import looking
from supervisor.cli.options import Location, WholeNumber, located, locating_options, location
from supervisor.cli.output import print_json, print_note
from supervisor.cli.reports.tables import print_table, shown_age, shown_moment
from supervisor.cli.settings import repository_name
from supervisor.clock import SystemClock
from supervisor.model.numbers import MAX_WORKERS
from supervisor.model.states import WorkerStatus
from supervisor.supervision.control.scaling import nobody_works
from supervisor.supervision.control.scaling import scale as scale_supervisor
from supervisor.supervision.place import Place

_LISTED = 50


@click.group(invoke_without_command=True)
@click.option("--status", type=click.Choice([state.value for state in WorkerStatus]), help="Only those in this state.")
@click.option("--limit", type=WholeNumber(1), default=_LISTED, show_default=True, help="List at most so many.")
@locating_options
@click.pass_context
def workers(ctx: click.Context, /, *, status: str | None, limit: int, **_options: object) -> int:
    """List the workers that are there for this repository, and what they do.

    One that was not heard of for half a minute is offline; those that have ended are listed with --status offline only.

    \b
      supervisor workers
      supervisor workers --status busy
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    if ctx.invoked_subcommand is None:
        return _list(ctx, location(ctx), WorkerStatus(status) if status else None, limit)
    given = [name for name in ("status", "limit") if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(f"--{given[0]} has no meaning before the command '{ctx.invoked_subcommand}'")
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
        raise nobody_works()
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


def _list(ctx: click.Context, where: Location, status: WorkerStatus | None, limit: int) -> int:
    clock = SystemClock()
    with looking(ctx, where) as look:
        overview = (
            None
            if look is None
            else read_overview(
                look.engine, look.repository, clock=clock, workers_status=status, sessions_limit=0, events_limit=0
            )
        )
    at, found = (clock.now(), []) if overview is None else (overview.at, overview.workers)
    if where.as_json:
        entries = [worker_entry(worker) for worker in found[:limit]]
        print_json({"schema": "supervisor.workers/1", "at": at.isoformat(), "total": len(found), "workers": entries})
    elif found:
        print_workers(found[:limit])
        if len(found) > limit:
            click.echo(f"… and {len(found) - limit:,} more: supervisor workers --limit {len(found)}")
    elif status:
        click.echo(f"no worker is {status}")
    else:
        click.echo("no worker is there; to start one, type: supervisor work")
    return 0


def print_workers(workers: Sequence[WorkerView]) -> None:
    """Print workers and what they do, at least one."""
    head = ("worker", "state", "heard of", "since", "supervisor", "does")
    rows = [
        (
            worker.id,
            worker.status,
            shown_age(worker.heartbeat_age_seconds),
            shown_moment(worker.started_at),
            f"pid {worker.pid} on {worker.host}",
            _task(worker),
        )
        for worker in workers
    ]
    print_table(head, rows)


def _task(worker: WorkerView) -> str:
    if worker.run_id is None or worker.documents is None or worker.pages is None:
        return ""
    documents, pages = worker.documents, worker.pages
    return (
        f"run {worker.run_id}: {worker.stage}, {documents.done:,} of {documents.total:,} documents, "
        f"{pages.done:,} of {pages.found:,} pages"
    )
