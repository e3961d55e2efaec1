"""`supervisor resume`: go on with what was paused, or left behind, and execute it where nobody else does."""

from dataclasses import replace
from typing import Any

import click

from supervisor.cli.names import all_names
from supervisor.cli.options import Location, execution_options, located, workers_option
from supervisor.cli.output import print_json
from supervisor.cli.reports.closing import print_failures, print_runs
from supervisor.cli.reports.control import answers_to_json, print_answers
from supervisor.cli.settings import apply_settings
from supervisor.cli.setup import make_supervisor, view_of, workers_of
from supervisor.clock import SystemClock
from supervisor.dashboard.runs.progress import LiveTable
from supervisor.git.repository import Repository
from supervisor.supervision.control.changes import Answer
from supervisor.supervision.outcome import ResumeOutcome

SCHEMA = "supervisor.resume/1"


@click.command()
@click.argument("names", metavar="[RUN|SESSION]...", nargs=-1, shell_complete=all_names)
@workers_option()
@execution_options
@located
@click.pass_context
def resume(ctx: click.Context, /, *, where: Location, names: tuple[str, ...], **options: Any) -> int:
    """Go on with runs or sessions that were paused, or whose supervisor is gone.

    What a supervisor serves that lives is left to it. The rest is executed here, on the same commit and with the same
    jobs, until it has ended; pages that are stored are not recognised again. Without names: all that nobody serves any
    more and nobody has paused; if there is no such thing, all that is paused.

    \b
      supervisor resume                         after a crash, or to end a pause
      supervisor resume letters --workers 2
      supervisor resume "Night of 21 November"
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    repository = Repository.discover(where.repo)
    settings = apply_settings(ctx, repository, options)
    view = view_of(settings, LiveTable)
    supervisor = make_supervisor(where, repository, settings, view, workers=workers_of(where, settings))
    clock = SystemClock()
    begun = clock.monotonic()
    with view:
        outcome = supervisor.resume(names)
    if where.as_json:
        print_json(_document(outcome))
    elif settings["quiet"]:
        print_failures(outcome.runs)
    else:
        _print(ctx, outcome, clock.monotonic() - begun)
    return outcome.exit_code


def _print(ctx: click.Context, outcome: ResumeOutcome, seconds: float) -> None:
    if not outcome.answers:
        click.echo("nothing to resume")
    print_answers("resume", _elsewhere(outcome))
    if outcome.runs:
        print_runs(ctx, outcome.runs, go_on="resume", seconds=seconds)


def _elsewhere(outcome: ResumeOutcome) -> list[Answer]:
    """Return answers without the runs that were executed here, of which there is a report."""
    here = {run.run_id for run in outcome.runs}
    return [
        replace(answer, changes=others)
        for answer in outcome.answers
        if (others := [one for one in answer.changes if one.row.run_id not in here]) or not answer.changes
    ]


def _document(outcome: ResumeOutcome) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "answers": answers_to_json(outcome.answers),
        "sessions": [{"id": one.id, "title": one.title, "status": one.status} for one in outcome.sessions],
        "runs": [run.to_json() for run in outcome.runs],
        "exit_code": outcome.exit_code,
    }
