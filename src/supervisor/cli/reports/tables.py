"""Tables with aligned columns, as wide as the terminal lets them be, and the words and times in them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import click
from rich.cells import cell_len

from supervisor.cli.output import print_wrapped, terminal_columns
from supervisor.model.amounts import shown_seconds
from supervisor.model.paths import printable

_GAP = "  "
_NUMBERS = frozenset("0123456789,./ %-")
_COLOURS = {
    "running": "cyan",
    "busy": "cyan",
    "succeeded": "green",
    "completed": "green",
    "paused": "yellow",
    "cancelled": "yellow",
    "offline": "yellow",
    "failed": "red",
    "error": "red",
}


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, beneath: int = 1) -> None:
    """Print rows beneath a head; columns of numbers are flush right.

    Args:
        head: Names of the columns.
        rows: A text for each column.
        beneath: How many of the last columns go beneath their row if the terminal is too narrow for all; the last of
            them is left out if it is empty. With 0 the last column goes on beneath where it is too long.
    """
    cells = [[printable(text) for text in row] for row in rows]
    if beneath and not any(row[-1] for row in cells):
        head, cells, beneath = head[:-1], [row[:-1] for row in cells], beneath - 1
    columns = list(zip(head, *cells, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    right = [all(set(text) <= _NUMBERS for text in column[1:]) for column in columns]
    is_wide = sum(widths) + len(_GAP) * (len(widths) - 1) <= terminal_columns()
    upper = len(head) if is_wide else len(head) - (beneath or 1)

    def line(texts: Sequence[str]) -> list[str]:
        return [_placed(*one) for one in zip(texts[:upper], widths, right, strict=False)]

    click.secho(_GAP.join([*line(head), *(head[upper:] if not beneath else ())]).rstrip(), dim=True)
    for row in cells:
        start = _GAP.join(painted_state(text) for text in line(row))
        rest = _GAP.join(text for text in row[upper:] if text)
        if rest and not beneath:
            print_wrapped(f"{start}{_GAP}", rest, indent=2 * len(_GAP))
            continue
        click.echo(start.rstrip())
        if rest:
            print_wrapped(_GAP, rest, indent=len(_GAP))


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print labels with what there is to say of them."""
    labelled = [(label, printable(text)) for label, text in facts]
    width = max((len(label) for label, _text in labelled), default=0)
    for label, text in labelled:
        print_wrapped(f"  {label:<{width}}  ", text, indent=width + 4)


def painted_state(text: str) -> str:
    """Return the name of a state in its colour, for `click.echo`; every other text as it is."""
    colour = _COLOURS.get(text.strip())
    return click.style(text, fg=colour) if colour else text


def shown_moment(moment: datetime | None) -> str:
    """Return a local time, with its day unless that is today: `21:17:03`, `20 Nov 21:17`, `2025-11-20`."""
    if moment is None:
        return "-"
    local, now = moment.astimezone(), datetime.now().astimezone()
    if local.date() == now.date():
        return f"{local:%H:%M:%S}"
    return f"{local.day} {local:%b %H:%M}" if local.year == now.year else f"{local:%Y-%m-%d}"


def shown_span(begin: datetime | None, end: datetime | None, now: datetime) -> str:
    """Return how long something took, or takes so far; `-` if it has not begun."""
    return shown_seconds(((end or now) - begin).total_seconds()) if begin else "-"


def shown_age(seconds: float) -> str:
    """Return how long ago something was: `7 s ago`, `3 min ago`, `2 h ago`, `5 days ago`."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length or (unit != "days" and seconds >= length):
            return f"{int(seconds / length)} {unit} ago"
    return f"{int(seconds)} s ago"


def shown_good(done: int, failed: int, total: int) -> str:
    """Return how many are done and did not fail, of how many: `3/4`."""
    return f"{done - failed:,}/{total:,}"


def shown_share(part: float, whole: float) -> str:
    """Return a part in whole per cent, never 100 but for all of it; `-` of nothing."""
    return f"{int(100 * part / whole)} %" if whole else "-"


def _placed(text: str, width: int, right: bool) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space
