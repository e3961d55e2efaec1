"""Lines of cells that stand under one another: widths depend on the screen alone, so nothing jumps as values change."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from supervisor.dashboard.drawing import fitted

_GAP = 2


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        cells: Its width.
        grows: How much of the room that is left over it takes, compared with others; 0 for none.
        widest: Up to how wide it grows.
        from_columns: In how wide a screen it is shown.
    """

    name: str
    cells: int
    grows: int = 0
    widest: int = 1000
    is_right: bool = False
    from_columns: int = 0


@dataclass(frozen=True)
class Cell:
    """What stands in a column.

    Attributes:
        keeps_end: Whether the beginning is cut off where there is no room for all of it.
    """

    text: str
    style: str = ""
    keeps_end: bool = False


class Grid:
    """Columns, as wide as they are on a screen."""

    def __init__(self, columns: Sequence[Column], screen_columns: int) -> None:
        self._columns = [column for column in columns if screen_columns >= column.from_columns]
        self.widths = _widths(self._columns, screen_columns)

    def heading(self) -> Text:
        """Return the names of the columns."""
        return self.line({column.name: Cell(column.name, "dim") for column in self._columns})

    def line(self, cells: dict[str, Cell | Text]) -> Text:
        """Return a line; a column that is not named stays empty, and a text is exactly as wide as its column."""
        line = Text(no_wrap=True)
        for number, column in enumerate(self._columns):
            width = self.widths[column.name]
            cell = cells.get(column.name, Cell(""))
            if number:
                line.append(" " * _GAP)
            if isinstance(cell, Text):
                line.append_text(cell)
                continue
            text = _from_end(cell.text, width) if cell.keeps_end else fitted(cell.text, width)
            padding = " " * (width - cell_len(text))
            line.append(padding if column.is_right else "").append(text, cell.style or None)
            line.append("" if column.is_right else padding)
        line.rstrip()
        return line


def _widths(columns: Sequence[Column], screen_columns: int) -> dict[str, int]:
    widths = {column.name: column.cells for column in columns}
    left = screen_columns - sum(widths.values()) - _GAP * (len(columns) - 1)
    growing = [column for column in columns if column.grows]
    while left > 0 and growing:
        weight = sum(column.grows for column in growing)
        for column in growing:
            more = min(max(1, left * column.grows // weight), column.widest - widths[column.name], left)
            widths[column.name] += more
            left -= more
            weight -= column.grows
        growing = [column for column in growing if widths[column.name] < column.widest]
    return widths


def _from_end(text: str, cells: int) -> str:
    """Return the end of a text of narrow characters."""
    return text if len(text) <= cells else f"…{text[len(text) - cells + 1 :]}"
