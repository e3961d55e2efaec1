"""What became of runs, for people: the closing table, what failed and why, and the next command to type."""

from collections import Counter
from collections.abc import Sequence

import click
from rich.console import Console
from rich.text import Text

from supervisor.board.progress import counted, shown_reasons
from supervisor.board.report import RunReport
from supervisor.cli.options import typed_location
from supervisor.cli.output import print_note, print_wrapped
from supervisor.cli.reports.closing_table import cells_of, closing_table
from supervisor.cli.reports.next_lines import print_lines
from supervisor.cli.reports.next_steps import next_steps
from supervisor.dashboard.drawing import RUN_STYLES
from supervisor.dashboard.terminal import StandardOutput
from supervisor.model.amounts import shown_seconds
from supervisor.model.paths import printable
from supervisor.model.states import RunStatus

_SHOWN_FAILURES = 20
_NAMED = 5
_PUBLISHED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED})


def print_runs(ctx: click.Context, runs: Sequence[RunReport], *, go_on: str, seconds: float | None = None) -> None:
    """Print how runs ended.

    Args:
        ctx: Of the command.
        runs: At least one.
        go_on: The command that goes on with those that were stopped: `resume` or `work`.
        seconds: How long all of them took; None if that is not known.
    """
    console = StandardOutput()
    table = closing_table(runs, console)
    if not console.is_screen:
        # No name is broken where nobody would see it.
        console.width = max(console.width, cells_of(table, console))
    console.print(table)
    if len(runs) > 1:
        _print(console, Text(_states(runs, seconds)))
    if why := shown_reasons({"cache": sum(run.pages.cache for run in runs)}, _because(runs)):
        _print(console, Text(f"recognised, and not reused: {why}"))
    for run in runs:
        if run.status is RunStatus.FAILED:
            _print_failure(console, run)
    _print_reasons(console, runs)
    _print_results(console, runs)
    if steps := next_steps(runs, go_on=go_on, location=typed_location(ctx)):
        print_lines(steps)


def print_failures(runs: Sequence[RunReport]) -> None:
    """Print what failed, and nothing else."""
    for run in runs:
        for document in run.failed_documents:
            print_note(f"supervisor: run {run.run_id!r}: {printable(document.path)}: {document.error}")
        if run.status is RunStatus.FAILED and not run.failed_documents:
            print_note(f"supervisor: run {run.run_id!r} failed: {run.error}")


def _print(console: Console, line: Text) -> None:
    """Print a line, however long: where there is no terminal nothing is broken, and a terminal does it itself."""
    console.print(line, soft_wrap=True)


def _states(runs: Sequence[RunReport], seconds: float | None) -> str:
    """Return how many runs came to what: `3 runs in 8.4 s: 2 succeeded, 1 failed`, or `3 runs succeeded in 8.4 s`."""
    states = Counter("paused" if run.resume is not None else run.status.value for run in runs)
    total, took = counted(len(runs), "run"), "" if seconds is None else f" in {shown_seconds(seconds)}"
    if len(states) == 1:
        return f"{total} {next(iter(states))}{took}"
    return f"{total}{took}: {', '.join(f'{count} {state}' for state, count in states.most_common())}"


def _because(runs: Sequence[RunReport]) -> Counter[str]:
    return sum((Counter(run.pages.because) for run in runs), Counter())


def _print_failure(console: Console, run: RunReport) -> None:
    style, documents = RUN_STYLES[RunStatus.FAILED], run.failed_documents
    if not documents:
        _print(console, Text(f"{run.run_id} ").append("failed", style).append(printable(f": {run.error}")))
        return
    of_all = f": {len(documents):,} of {counted(len(run.documents), 'document')}"
    _print(console, Text(f"{run.run_id} ").append("failed", style).append(of_all))
    for document in documents[:_SHOWN_FAILURES]:
        print_wrapped("  ", printable(f"{document.path}: {document.error}"), indent=4)
    if len(documents) > _SHOWN_FAILURES:
        _print(console, Text(f"  … and {len(documents) - _SHOWN_FAILURES:,} more in {run.artifacts}/run.json"))


def _print_reasons(console: Console, runs: Sequence[RunReport]) -> None:
    """Print why runs were cancelled, or have not ended; those of the same reason together."""
    same: dict[str, list[str]] = {}
    for run in runs:
        if why := _reason(run):
            same.setdefault(why, []).append(run.run_id)
    for why, names in same.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        named = f"{', '.join(names[:_NAMED])}{more}"
        _print(console, Text(named).append(": ").append(printable(why), RUN_STYLES[RunStatus.CANCELLED]))


def _reason(run: RunReport) -> str | None:
    match run.status:
        case RunStatus.CANCELLED:
            return run.error or "cancelled"
        case RunStatus.QUEUED if run.resume is not None:
            return run.paused_by or "paused"
        case RunStatus.QUEUED:
            return f"waits for another try: {run.error}" if run.error else "stopped before the end"
        case _:
            return None


def _print_results(console: Console, runs: Sequence[RunReport]) -> None:
    """Print where results are; folders of several runs in the words of a shell."""
    published = [run for run in runs if run.status in _PUBLISHED and run.documents]
    there = list(dict.fromkeys(run.artifacts for run in published if (run.artifacts / "output").is_dir()))
    if not there:
        return
    names = ",".join(artifacts.name for artifacts in there)
    folder = names if len(there) == 1 else f"{{{names}}}" if len(there) <= _NAMED else "RUN_ID"
    _print(console, Text(printable(f"Results: {there[0].parent}/{folder}/output")))
