"""The table of runs that is drawn while they go on, in the room that there is for it."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import ConsoleDimensions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from supervisor.board.progress import RunProgress, counted
from supervisor.dashboard.drawing import RUN_STYLES, bar, clock_time, fitted
from supervisor.dashboard.runs.lines import shown_total
from supervisor.dashboard.runs.watch import Watch
from supervisor.model.states import ACTIVE, RunStatus

_GAP = 2
_MOST_BAR_CELLS, _LEAST_BAR_CELLS = 40, 5
_NARROW = 100
# What goes first where there is no room.
_LEFT_OUT = ("left", "time", "failed", "documents")
# Heading, the line beneath, and one for the cursor.
_OTHER_LINES = 3
# Who is looked at first where not all have room.
_URGENCY = (RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUEUED, RunStatus.SUCCEEDED)


def drawn_runs(watch: Watch, size: ConsoleDimensions) -> RenderableType:
    """Return at least one run as a table with a line beneath; of too many for the lines, those that execute first."""
    rows = watch.rows
    hints = _hints(rows, size.width)
    room = max(2, size.height - _OTHER_LINES - len(hints))
    shown, hidden = _chosen(rows, room)
    last = _last_line(watch, rows, size.width)
    return Group(_table(watch, shown, size.width), *_more(hidden), *hints, last)


def _chosen(rows: Sequence[RunProgress], room: int) -> tuple[list[RunProgress], list[RunProgress]]:
    """Return the runs that are shown, the most urgent first if not all are, and those for which there is no line."""
    if len(rows) <= room:
        return list(rows), []
    by_urgency = sorted(rows, key=lambda row: _URGENCY.index(row.status))
    shown = {row.run_id for row in by_urgency[: room - 1]}
    return [row for row in by_urgency if row.run_id in shown], [row for row in rows if row.run_id not in shown]


def _table(watch: Watch, rows: Sequence[RunProgress], width: int) -> Table:
    """Draw rows in columns that have room for what stands in them; bars take what is left."""
    columns = _columns(watch, rows, width)
    for name in _LEFT_OUT:
        if _cells(columns) > width:
            del columns[name]
    bar_cells = min(_MOST_BAR_CELLS, width - _cells(columns) - _GAP)
    if bar_cells >= _LEAST_BAR_CELLS:
        columns["pages"] = _with_bars(rows, columns["pages"], bar_cells)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    for name in columns:
        is_number = name not in {"run", "state"} and not (name == "pages" and bar_cells >= _LEAST_BAR_CELLS)
        table.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def _columns(watch: Watch, rows: Sequence[RunProgress], width: int) -> dict[str, list[Text]]:
    """Return what stands in the columns, by their names."""
    run_cells, stage_cells = (18, 12) if width < _NARROW else (40, 36)
    return {
        "run": [Text(fitted(row.run_id, run_cells)) for row in rows],
        "state": [Text(fitted(row.stage, stage_cells), style=_style(row)) for row in rows],
        "documents": [Text(f"{row.documents_done}/{row.documents}") for row in rows],
        "failed": [Text(str(row.documents_failed), style="red" if row.documents_failed else "dim") for row in rows],
        "pages": [Text(f"{row.pages_finished:,}/{shown_total(row)}" if row.pages else "") for row in rows],
        "time": [_time(watch.seconds(row.run_id)) for row in rows],
        "left": [_time(watch.seconds_left(row)) for row in rows],
    }


def _cells(columns: Mapping[str, Sequence[Text]]) -> int:
    widest = (max(len(name), *(cell.cell_len for cell in cells)) for name, cells in columns.items())
    return sum(widest) + _GAP * (len(columns) - 1)


def _with_bars(rows: Sequence[RunProgress], pages: Sequence[Text], bar_cells: int) -> list[Text]:
    room = max(cell.cell_len for cell in pages)
    return [
        bar(row.pages_finished, row.pages, bar_cells, _style(row)).append(f"{cell.plain:>{room + _GAP}}", "")
        if row.pages
        else Text()
        for row, cell in zip(rows, pages, strict=True)
    ]


def _style(row: RunProgress) -> str:
    return RUN_STYLES[RunStatus.CANCELLED if row.resume else row.status]


def _more(hidden: Sequence[RunProgress]) -> list[Text]:
    if not hidden:
        return []
    return [Text(f"and {_by_state(hidden)}", style="dim")]


def _hints(rows: Sequence[RunProgress], width: int) -> list[Text]:
    """Return how what is paused goes on, in one line; without names all of it does."""
    paused = list(dict.fromkeys(row.resume for row in rows if row.resume))
    if not paused:
        return []
    named = f"paused; to go on: supervisor resume {' '.join(paused)}"
    line = named if cell_len(named) <= width else "paused; to go on: supervisor resume"
    return [Text(fitted(line, width), style=RUN_STYLES[RunStatus.CANCELLED])]


def _last_line(watch: Watch, rows: Sequence[RunProgress], width: int) -> Text:
    """Return how all of it stands: `3 runs: 1 running, 2 queued; 8 of 20+ pages; 2.4 pages/s; about 1:30 left`."""
    parts = [f"{counted(len(rows), 'run')}: {_by_state(rows)}" if len(rows) > 1 else _by_state(rows)]
    done, found = sum(row.pages_finished for row in rows), sum(row.pages for row in rows)
    more = "+" if any(row.documents_opened < row.documents and row.status in ACTIVE for row in rows) else ""
    if found:
        parts.append(f"{done:,} of {found:,}{more} pages")
    # While nothing is executed, that nothing gets done tells nobody how long the rest takes.
    is_executed = any(row.status is RunStatus.RUNNING for row in rows)
    if is_executed and (pace := watch.pages_per_second) is not None:
        parts.append(f"{pace:.1f} pages/s")
    if is_executed and (left := watch.all_seconds_left) is not None:
        parts.append(f"about {clock_time(left)} left")
    while len(parts) > 1 and cell_len("; ".join(parts)) > width:
        # The rest is what the table says, too.
        parts.pop(1)
    return Text(fitted("; ".join(parts), width), style="dim")


def _by_state(rows: Sequence[RunProgress]) -> str:
    counts = Counter("paused" if row.resume else row.status.value for row in rows)
    return ", ".join(f"{counts[state]} {state}" for state in (*_URGENCY, "paused") if counts[state])


def _time(seconds: float | None) -> Text:
    return Text("" if seconds is None else clock_time(seconds))
