"""`supervisor work`: execute what is queued, whoever queued it."""

import os
from typing import Any

import click

from supervisor.board.progress import counted
from supervisor.cli.names import session_names
from supervisor.cli.options import Location, execution_options, located, workers_option
from supervisor.cli.output import print_json
from supervisor.cli.reports.closing import print_failures, print_runs
from supervisor.cli.settings import apply_settings
from supervisor.cli.setup import make_supervisor, view_of, workers_of
from supervisor.clock import SystemClock
from supervisor.dashboard.runs.progress import LiveQueue
from supervisor.errors import UsageError
from supervisor.git.repository import Repository
from supervisor.supervision.opening import check_name
from supervisor.supervision.outcome import WorkOutcome

NAME_VARIABLE = "WORKER_ID"


@click.command(
    epilog=f"{NAME_VARIABLE}, if set, is what the names of the workers begin with; CONCURRENCY is --workers."
)
@workers_option(variables=("CONCURRENCY",))
# Not from variables or files, where the word is the title of a new session.
@click.option(
    "--session",
    metavar="SESSION",
    shell_complete=session_names,
    help="Execute this one's runs only: its id or title, or a beginning.",
)
@click.option("--once", is_flag=True, help="End when nothing is queued any more.")
@execution_options
@located
@click.pass_context
def work(ctx: click.Context, /, *, where: Location, session: str | None, once: bool, **options: Any) -> int:
    """Execute what is queued for this repository, in any session, until stopped.

    \b
      supervisor work --workers 2               until Ctrl-C
      supervisor work --once                    until nothing is queued any more
      supervisor work --session Letters         one session's runs only
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    repository = Repository.discover(where.repo)
    settings = apply_settings(ctx, repository, options)
    workers = workers_of(where, settings)
    view = view_of(settings, LiveQueue)
    supervisor = make_supervisor(where, repository, settings, view, workers=workers, worker_name=_worker_name())
    clock = SystemClock()
    begun = clock.monotonic()
    with view:
        if not once:
            view.note(f"up to {counted(workers, 'run')} at a time, until Ctrl-C")
        outcome = supervisor.work(session=session, once=once)
    if where.as_json:
        print_json(_document(outcome))
    elif settings["quiet"]:
        print_failures(outcome.runs)
    elif outcome.runs:
        print_runs(ctx, outcome.runs, go_on="work", seconds=clock.monotonic() - begun)
    else:
        click.echo("nothing was queued")
    return outcome.exit_code


def _worker_name() -> str | None:
    name = os.environ.get(NAME_VARIABLE)
    if not name:
        return None
    try:
        check_name(name)
    except UsageError as error:
        raise UsageError(f"{NAME_VARIABLE}: {error.message}", hint=error.hint) from error
    return name


def _document(outcome: WorkOutcome) -> dict[str, object]:
    return {
        "schema": "supervisor.work/1",
        "worker": outcome.supervisor_id,
        "runs": [run.to_json() for run in outcome.runs],
        "exit_code": outcome.exit_code,
    }
