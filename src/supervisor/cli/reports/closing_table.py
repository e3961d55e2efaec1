"""The table of what became of runs: a line for each, one for all, in the columns that there is room for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from supervisor.board.report import RunReport
from supervisor.dashboard.drawing import RUN_STYLES, clock_time
from supervisor.model.states import ResultStatus, RunStatus

_GAP = 2


@dataclass(frozen=True)
class _Column:
    """One number of each run, and their sum.

    Attributes:
        urgency: Which goes first where there is too little room for all: lower numbers.
    """

    name: str
    urgency: int
    number: Callable[[RunReport], int]
    style: str = ""


_PAGES = (
    _Column("pages", 2, lambda run: run.pages.total),
    _Column("recognised", 3, lambda run: run.pages.ocr),
    _Column("reused", 4, lambda run: run.pages.cache),
    _Column("text layer", 5, lambda run: run.pages.text_layer),
    _Column("blank", 6, lambda run: run.pages.blank),
    _Column("skipped", 7, lambda run: run.pages.skipped),
    _Column("failed", 0, lambda run: run.pages.failed, "red"),
    _Column("weak", 1, lambda run: run.pages.weak, "yellow"),
)


def closing_table(runs: Sequence[RunReport], console: Console) -> Table:
    """Return the table; where it is narrow, only with columns in which something stands, the most telling first."""
    table = _table(runs, _PAGES)
    if cells_of(table, console) <= console.width:
        return table
    told = [column for column in _PAGES if any(map(column.number, runs))]
    chosen: set[_Column] = set()
    for column in sorted(told, key=lambda column: column.urgency):
        if cells_of(_table(runs, [one for one in told if one in chosen | {column}]), console) <= console.width:
            chosen.add(column)
    return _table(runs, [column for column in told if column in chosen])


def cells_of(table: Table, console: Console) -> int:
    """Return how wide a table is if nothing in it is broken."""
    return Measurement.get(console, console.options.update(max_width=10_000), table).maximum


def _table(runs: Sequence[RunReport], columns: Sequence[_Column]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    table.add_column("run", overflow="fold")
    table.add_column("state", no_wrap=True)
    for name in ("documents", *(column.name for column in columns), "time"):
        table.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        table.add_row(
            Text(run.run_id),
            _state(run),
            f"{_succeeded(run):,}/{len(run.documents):,}" if run.documents else "",
            *(_number(column, column.number(run)) for column in columns),
            _time(run.seconds),
        )
    if len(runs) > 1:
        documents = f"{sum(map(_succeeded, runs)):,}/{sum(len(run.documents) for run in runs):,}"
        sums = [_number(column, sum(map(column.number, runs))) for column in columns]
        table.add_row("total", "", documents, *sums, "", style="bold")
    return table


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 59.95 else clock_time(seconds)


def _number(column: _Column, number: int) -> Text:
    """Return a number, or nothing where there is nothing; how many pages there are is said in any case."""
    return Text(f"{number:,}" if number or column.name == "pages" else "", style=column.style)


def _state(run: RunReport) -> Text:
    if run.resume is not None:
        return Text("paused", style=RUN_STYLES[RunStatus.CANCELLED])
    return Text(run.status, style=RUN_STYLES[run.status])


def _succeeded(run: RunReport) -> int:
    return sum(document.status == ResultStatus.SUCCEEDED for document in run.documents)
