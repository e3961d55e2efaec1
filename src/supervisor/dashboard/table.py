"""The table of runs that is drawn while they go on, in the room that there is for it."""

from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import ConsoleDimensions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from supervisor.board.progress import RunProgress, counted
from supervisor.dashboard.drawing import RUN_STYLES, bar, clock_time, fitted
from supervisor.dashboard.lines import shown_total
from supervisor.dashboard.watch import Watch
from supervisor.model.states import ACTIVE, RunStatus

_GAP = 2
_MOST_BAR_CELLS, _LEAST_BAR_CELLS = 40, 5
_NARROW = 100
# Heading, the line beneath, and one for the cursor.
_OTHER_LINES = 3
# Who is looked at first where not all have room.
_URGENCY = (RunStatus.RUNNING, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUEUED, RunStatus.SUCCEEDED)


def drawn_runs(watch: Watch, size: ConsoleDimensions) -> RenderableType:
    """Return at least one run as a table with a line beneath; of too many for the lines, those that execute first."""
    rows = watch.rows
    hints = [_hint(name) for name in dict.fromkeys(row.resume for row in rows if row.resume)]
    room = max(1, size.height - _OTHER_LINES - len(hints))
    shown, hidden = _chosen(rows, room)
    last = _last_line(watch, rows, size.width)
    return Group(_table(watch, shown, size.width), *_more(hidden), *hints, last)


def _chosen(rows: Sequence[RunProgress], room: int) -> tuple[list[RunProgress], list[RunProgress]]:
    """Return the runs that are shown, in their order, and those for which there is no line."""
    if len(rows) <= room:
        return list(rows), []
    by_urgency = sorted(rows, key=lambda row: _URGENCY.index(row.status))
    shown = {row.run_id for row in by_urgency[: room - 1]}
    return [row for row in by_urgency if row.run_id in shown], [row for row in rows if row.run_id not in shown]


def _table(watch: Watch, rows: Sequence[RunProgress], width: int) -> Table:
    """Draw rows in columns that have room for what stands in them; the bars take what is left."""
    names = [fitted(row.run_id, 18 if width < _NARROW else 40) for row in rows]
    stages = [fitted(row.stage, 12 if width < _NARROW else 36) for row in rows]
    documents = [f"{row.documents_done}/{row.documents}" for row in rows]
    pages = [f"{row.pages_finished:,}/{shown_total(row)}" if row.pages else "" for row in rows]
    failed = [str(row.documents_failed) for row in rows]
    times = [_time(watch.seconds(row.run_id)) for row in rows]
    left = [_time(watch.seconds_left(row)) for row in rows]
    columns = {"run": names, "state": stages, "documents": documents, "failed": failed, "pages": pages, "time": times}
    columns |= {"left": left}
    taken = sum(max(map(cell_len, [name, *cells])) + _GAP for name, cells in columns.items())
    cells = min(_MOST_BAR_CELLS, width - taken)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    for name in ("run", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("documents", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    if cells >= _LEAST_BAR_CELLS:
        table.add_column("pages", no_wrap=True)
    table.add_column("" if cells >= _LEAST_BAR_CELLS else "pages", justify="right", no_wrap=True)
    for name in ("time", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, row in enumerate(rows):
        style = RUN_STYLES[RunStatus.CANCELLED if row.resume else row.status]
        drawn = [bar(row.pages_finished, row.pages, cells, style) if row.pages else Text()]
        table.add_row(
            Text(names[number]),
            Text(stages[number], style=style),
            documents[number],
            Text(failed[number], style="red" if row.documents_failed else "dim"),
            *(drawn if cells >= _LEAST_BAR_CELLS else ()),
            pages[number],
            times[number],
            left[number],
        )
    return table


def _more(hidden: Sequence[RunProgress]) -> list[Text]:
    if not hidden:
        return []
    return [Text(f"and {_by_state(hidden)}", style="dim")]


def _hint(name: str) -> Text:
    return Text(f"paused; to go on: supervisor resume {name}", style=RUN_STYLES[RunStatus.CANCELLED], overflow="fold")


def _last_line(watch: Watch, rows: Sequence[RunProgress], width: int) -> Text:
    """Return how all of it stands: `3 runs: 1 running, 2 queued; 8 of 20+ pages; 2.4 pages/s; about 1:30 left`."""
    parts = [f"{counted(len(rows), 'run')}: {_by_state(rows)}" if len(rows) > 1 else _by_state(rows)]
    done, found = sum(row.pages_finished for row in rows), sum(row.pages for row in rows)
    more = "+" if any(row.documents_opened < row.documents and row.status in ACTIVE for row in rows) else ""
    parts.append(f"{done:,} of {found:,}{more} pages")
    if (pace := watch.pages_per_second) is not None:
        parts.append(f"{pace:.1f} pages/s")
    if (left := watch.all_seconds_left) is not None:
        parts.append(f"about {clock_time(left)} left")
    while len(parts) > 1 and cell_len("; ".join(parts)) > width:
        # The rest is what the table says, too.
        parts.pop(1)
    return Text(fitted("; ".join(parts), width), style="dim")


def _by_state(rows: Sequence[RunProgress]) -> str:
    counts = Counter(row.status for row in rows)
    return ", ".join(f"{counts[status]} {status}" for status in _URGENCY if counts[status])


def _time(seconds: float | None) -> str:
    return "" if seconds is None else clock_time(seconds)
