"""`supervisor --run-ids …`: execute runs, show them going on, report what became of them."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from supervisor.board.progress import counted
from supervisor.board.report import RunReport, SessionReport
from supervisor.cli.options import Location
from supervisor.cli.output import print_json, print_note, shown_seconds
from supervisor.cli.settings import apply_settings
from supervisor.clock import SystemClock
from supervisor.dashboard.progress import LiveTable, PlainLines, ProgressView, StandardError
from supervisor.errors import UsageError
from supervisor.git.repository import Repository
from supervisor.model.paths import printable
from supervisor.model.run_ids import parse_selections
from supervisor.model.states import ACTIVE, ResultStatus, RunStatus
from supervisor.supervision.supervisor import ParallelRunSupervisor

_SHOWN_FAILURES = 20
_LISTED_RESULTS = 5


def run(ctx: click.Context, where: Location, options: dict[str, Any]) -> int:
    """Execute what the root options name; return the exit code."""
    repository = Repository.discover(where.repo)
    settings = apply_settings(ctx, repository, options)
    selections = parse_selections(settings["run_ids"])
    if not selections:
        raise UsageError("no run is named", hint="supervisor --run-ids letters,books; supervisor jobs list shows them")
    if os.environ.get("DATABASE_URL") and not settings["per_run_sqlite"]:
        raise UsageError(
            "DATABASE_URL is set, and this version keeps results in SQLite only", hint="add --per-run-sqlite"
        )
    view = _view(quiet=settings["quiet"])
    supervisor = ParallelRunSupervisor(
        where.repo,
        runs_dir=where.runs_dir,
        repository_name=settings.get("repository"),
        workers=settings["workers"],
        ocr_workers=settings["ocr_workers"],
        per_run_sqlite=settings["per_run_sqlite"],
        keep_workspaces=settings["keep_workspaces"],
        observer=view.update,
        note=view.note,
    )
    with view:
        outcome = supervisor.run(
            selections,
            ref=settings["ref"],
            job_files=_job_files(ctx, settings["job_file"], repository.work_tree),
            working_tree=settings["working_tree"],
            session=settings["session"],
        )
    if where.as_json:
        print_json(outcome.report.to_json(outcome.exit_code))
    elif settings["quiet"]:
        _print_failures(outcome.report)
    else:
        _print_report(outcome.report)
    return outcome.exit_code


def _job_files(ctx: click.Context, paths: Sequence[str], work_tree: Path | None) -> list[str]:
    """Return job files as the repository has them; those of a settings file are given from its top."""
    if ctx.get_parameter_source("job_file") is ParameterSource.DEFAULT:
        return list(paths)
    return [_path_in_repository(path, work_tree) for path in paths]


def _path_in_repository(path: str, work_tree: Path | None) -> str:
    """Return a path that was typed, from wherever, as the repository has it; others are taken as they are."""
    typed = Path(os.path.normpath(Path(path).absolute()))
    if work_tree is not None and typed.is_relative_to(work_tree):
        return typed.relative_to(work_tree).as_posix()
    if not path or Path(path).is_absolute() or ".." in Path(path).parts:
        raise UsageError(f"job file {path!r} is not in the repository", hint="name one that is committed in it")
    return path


def _view(*, quiet: bool) -> ProgressView:
    if quiet:
        return ProgressView()
    console = StandardError()
    return LiveTable(console, SystemClock()) if sys.stderr.isatty() else PlainLines(console)


def _print_report(report: SessionReport) -> None:
    """Print a line for each run, what failed beneath it, and what to type next."""
    width = max(len(run.run_id) for run in report.runs)
    for run in report.runs:
        seconds = f", {shown_seconds(run.seconds)}" if run.seconds is not None else ""
        click.echo(f"{run.run_id:<{width}}  {run.status:<9}  {_pages(run)}{seconds}")
        for document in run.failed_documents[:_SHOWN_FAILURES]:
            click.echo(f"{'':<{width}}  failed: {printable(document.path)}: {document.error}")
        if len(run.failed_documents) > _SHOWN_FAILURES:
            click.echo(
                f"{'':<{width}}  … and {len(run.failed_documents) - _SHOWN_FAILURES} more in {run.artifacts}/run.json"
            )
        if run.error and not run.failed_documents:
            click.echo(f"{'':<{width}}  {run.error} (log: {run.artifacts / 'logs' / 'executor.log'})")
    if any(run.status is RunStatus.QUEUED for run in report.runs):
        click.echo("Stopped. To continue where it was, type the same command again.")
    ended = [run for run in report.runs if run.status not in ACTIVE and run.documents]
    outputs = [run for run in ended if (run.artifacts / "output").is_dir()]
    if len(outputs) > _LISTED_RESULTS:
        click.echo(f"Results: {outputs[0].artifacts.parent}/RUN_ID/output")
    else:
        for run in outputs:
            click.echo(f"Results: {run.artifacts / 'output'}")


def _print_failures(report: SessionReport) -> None:
    for run in report.runs:
        for document in run.failed_documents:
            print_note(f"supervisor: run {run.run_id!r}: {printable(document.path)}: {document.error}")
        if run.status is RunStatus.FAILED and not run.failed_documents:
            print_note(f"supervisor: run {run.run_id!r} failed: {run.error}")


def _pages(run: RunReport) -> str:
    succeeded = sum(document.status == ResultStatus.SUCCEEDED for document in run.documents)
    parts = [f"{run.pages.ocr} recognised"]
    parts += [f"{run.pages.text_layer} from their text layer"] if run.pages.text_layer else []
    parts += [f"{run.pages.skipped} skipped"] if run.pages.skipped else []
    parts += [f"{run.pages.failed} failed"] if run.pages.failed else []
    documents = f"{succeeded} of {counted(len(run.documents), 'document')}"
    return f"{documents}, {counted(run.pages.total, 'page')} ({', '.join(parts)})"
