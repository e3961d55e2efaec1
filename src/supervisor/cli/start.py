"""`supervisor start TITLE --run-ids …`: a session whose runs wait for workers, unless it is to have its own."""

import shlex
from typing import Any

import click
from click.core import ParameterSource

from supervisor.board.report import SessionReport
from supervisor.cli.options import (
    Location,
    WholeNumber,
    execution_options,
    located,
    order_options,
    run_ids_option,
    typed_location,
)
from supervisor.cli.output import print_json
from supervisor.cli.run import execute
from supervisor.cli.settings import apply_settings
from supervisor.cli.setup import make_supervisor, run_options, selections_of
from supervisor.cli.watch import view_of_watched, watch_session
from supervisor.clock import SystemClock
from supervisor.dashboard.runs.progress import PlainLines, ProgressView
from supervisor.dashboard.terminal import StandardError
from supervisor.git.repository import Repository
from supervisor.model.numbers import MAX_WORKERS
from supervisor.model.paths import printable

_OF_WORKERS = (
    "ocr_workers",
    "lease_seconds",
    "cancel_grace",
    "keep_workspaces",
    "retain_days",
    "cache_dir",
    "no_cache",
    "verbose",
)


@click.command()
@click.argument("title")
@run_ids_option
# Neither a variable nor a file, which are there for other commands, makes this one stay.
@click.option(
    "--workers", type=WholeNumber(1, MAX_WORKERS), help="Execute the runs, this many at a time, and wait for them."
)
@click.option("--watch", is_flag=True, help="Show the dashboard of the session until that has ended.")
@order_options
@execution_options
@located
@click.pass_context
def start(ctx: click.Context, /, *, where: Location, title: str, watch: bool, **options: Any) -> int:
    """Make a session of runs, and leave it to workers ('supervisor work'); with --workers, execute it.

    \b
      supervisor start "Night of 21 November" --run-ids letters,books
      supervisor start Letters --run-ids a,b,c --lane A=a,b --priority 10
      supervisor start Letters --run-ids a,b,c --workers 2 --watch
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    repository = Repository.discover(where.repo)
    settings = apply_settings(ctx, repository, options, leaving=("workers",))
    if watch and settings["quiet"]:
        raise click.UsageError("--watch has no meaning beside --quiet")
    if settings["workers"] is not None:
        view = view_of_watched(where, settings) if watch else None
        return execute(ctx, where, repository, settings, title=title, view=view)
    idle = [name for name in _OF_WORKERS if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if idle:
        raise click.UsageError(f"--{idle[0].replace('_', '-')} has no meaning without --workers")
    selections = selections_of(settings)
    view = ProgressView() if settings["quiet"] else PlainLines(StandardError(), SystemClock())
    supervisor = make_supervisor(where, repository, settings, view, workers=1)
    report = supervisor.start(title, selections, **run_options(ctx, repository, settings, selections))
    if watch:
        return watch_session(ctx, where, settings, report.session_id)
    if where.as_json:
        print_json(report.to_json(0))
    elif not settings["quiet"]:
        _print_session(ctx, report)
    return 0


def _print_session(ctx: click.Context, report: SessionReport) -> None:
    click.echo(f"session {report.session_id}: {printable(report.title)}")
    width = max(len(run.run_id) for run in report.runs)
    for run in report.runs:
        click.echo(f"  {run.run_id:<{width}}  {run.status} (attempt {run.attempt})")
    command = shlex.join(["supervisor", "work", "--session", report.session_id, *typed_location(ctx)])
    them = "it" if len(report.runs) == 1 else "them"
    click.echo(f"A worker that is there takes {them}. To start one, type:")
    click.echo(f"  {command}")
    click.echo("or the same command again with --workers N.")
