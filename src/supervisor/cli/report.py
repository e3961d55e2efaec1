"""What became of runs, for people: a line for each run, what failed beneath it, where the results are."""

import shlex
from collections.abc import Sequence

import click

from supervisor.board.progress import counted, shown_pages
from supervisor.board.report import RunReport
from supervisor.cli.output import print_note, shown_bytes, shown_seconds
from supervisor.model.paths import printable
from supervisor.model.resources import Resources
from supervisor.model.states import ResultStatus, RunStatus

_SHOWN_FAILURES = 20
_LISTED_RESULTS = 5


def print_runs(runs: Sequence[RunReport], *, resume: str) -> None:
    """Print how runs ended.

    Args:
        runs: At least one.
        resume: How those go on that have not ended.
    """
    width = max(len(run.run_id) for run in runs)
    for run in runs:
        seconds = f", {shown_seconds(run.seconds)}" if run.seconds is not None else ""
        status = "paused" if run.resume else run.status
        click.echo(f"{run.run_id:<{width}}  {status:<9}  {shown_documents(run)}, {shown_run_pages(run)}{seconds}")
        for document in run.failed_documents[:_SHOWN_FAILURES]:
            click.echo(f"{'':<{width}}  failed: {printable(document.path)}: {document.error}")
        if len(run.failed_documents) > _SHOWN_FAILURES:
            click.echo(
                f"{'':<{width}}  … and {len(run.failed_documents) - _SHOWN_FAILURES} more in {run.artifacts}/run.json"
            )
        if run.error and not run.failed_documents:
            log = f" (log: {run.artifacts / 'logs' / 'executor.log'})" if run.status is RunStatus.FAILED else ""
            click.echo(f"{'':<{width}}  {run.error}{log}")
    paused = dict.fromkeys(run.resume for run in runs if run.resume)
    if paused:
        click.echo(f"Paused. To go on, type: supervisor resume {' '.join(map(shlex.quote, paused))}")
    if any(run.status is RunStatus.QUEUED and not run.resume for run in runs):
        click.echo(f"Stopped. {resume}")
    published = {RunStatus.SUCCEEDED, RunStatus.FAILED}
    outputs = {run.artifacts: run for run in runs if run.status in published and run.documents}
    there = [artifacts for artifacts in outputs if (artifacts / "output").is_dir()]
    if len(there) > _LISTED_RESULTS:
        click.echo(f"Results: {there[0].parent}/RUN_ID/output")
    else:
        for artifacts in there:
            click.echo(f"Results: {artifacts / 'output'}")


def print_failures(runs: Sequence[RunReport]) -> None:
    """Print what failed, and nothing else."""
    for run in runs:
        for document in run.failed_documents:
            print_note(f"supervisor: run {run.run_id!r}: {printable(document.path)}: {document.error}")
        if run.status is RunStatus.FAILED and not run.failed_documents:
            print_note(f"supervisor: run {run.run_id!r} failed: {run.error}")


def shown_documents(run: RunReport) -> str:
    """Return how many documents succeeded: `2 of 3 documents`."""
    succeeded = sum(document.status == ResultStatus.SUCCEEDED for document in run.documents)
    return f"{succeeded} of {counted(len(run.documents), 'document')}"


def shown_run_pages(run: RunReport) -> str:
    """Return how many pages there are, and where from: `5 pages (4 recognised, 1 failed)`."""
    return shown_pages(run.pages.total, run.pages.by_source(), run.pages.because)


def shown_resources(resources: Resources) -> str:
    """Return what an attempt has cost: `42.0 s of processor time, 310.5 MB of memory, 0.2 s in the queue`."""
    parts = []
    if resources.cpu_seconds is not None:
        parts.append(f"{shown_seconds(resources.cpu_seconds)} of processor time")
    if resources.peak_memory_bytes is not None:
        parts.append(f"{shown_bytes(resources.peak_memory_bytes)} of memory at most")
    return ", ".join([*parts, f"{shown_seconds(resources.queue_seconds)} in the queue"])
