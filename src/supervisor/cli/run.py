"""`supervisor --run-ids …`: execute runs, show them going on, report what became of them."""

from typing import Any

import click

from supervisor.cli.options import Location
from supervisor.cli.output import print_json
from supervisor.cli.reports.closing import print_failures, print_runs
from supervisor.cli.settings import apply_settings
from supervisor.cli.setup import make_supervisor, run_options, selections_of, view_of, workers_of
from supervisor.clock import SystemClock
from supervisor.dashboard.runs.progress import LiveTable, ProgressView
from supervisor.git.repository import Repository


def run(ctx: click.Context, where: Location, options: dict[str, Any]) -> int:
    """Execute what the root options name; return the exit code."""
    repository = Repository.discover(where.repo)
    settings = apply_settings(ctx, repository, options)
    return execute(ctx, where, repository, settings, title=settings["session"])


def execute(
    ctx: click.Context,
    where: Location,
    repository: Repository,
    settings: dict[str, Any],
    *,
    title: str | None,
    view: ProgressView | None = None,
) -> int:
    """Make a session of the runs that the settings name, execute them and report; return the exit code."""
    selections = selections_of(settings)
    view = view or view_of(settings, LiveTable)
    supervisor = make_supervisor(where, repository, settings, view, workers=workers_of(where, settings))
    clock = SystemClock()
    begun = clock.monotonic()
    with view:
        outcome = supervisor.run(selections, session=title, **run_options(ctx, repository, settings, selections))
    if where.as_json:
        print_json(outcome.report.to_json(outcome.exit_code))
    elif settings["quiet"]:
        print_failures(outcome.report.runs)
    else:
        print_runs(ctx, outcome.report.runs, go_on="resume", seconds=clock.monotonic() - begun)
    return outcome.exit_code
