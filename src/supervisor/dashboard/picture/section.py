"""A part of a picture: rows under a heading, of which those are drawn that there is room for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text


@dataclass(frozen=True)
class Row:
    """Something that is shown; drawn only if it is.

    Attributes:
        rank: Where there is not room for all, the lowest ones are shown, in whatever order they stand.
        height: How many lines it draws.
        is_detail: Whether it belongs to another row, and is not missed.
        is_failure: Whether it tells of a failure.
    """

    draw: Callable[[], Sequence[Text]]
    rank: int
    height: int = 1
    is_detail: bool = False
    is_failure: bool = False


@dataclass(frozen=True)
class Section:
    """Rows of one kind.

    Attributes:
        noun: What a row is, as in `3 more sessions`: the noun for one.
        rows: In the order in which they are shown.
        nothing: What stands in the place of the rows if there are none.
        weight: How much of what room there is it gets, compared with others.
        elsewhere: How many rows there are beyond these.
        is_cut: Whether there may be even more of them, which nobody has counted.
        counts_the_rest: Whether it is told how many rows are left out.
    """

    heading: Text
    noun: str
    rows: Sequence[Row]
    nothing: str
    weight: int = 1
    elsewhere: int = 0
    is_cut: bool = False
    counts_the_rest: bool = True

    @property
    def height(self) -> int:
        """How many lines it has when all of it is shown, but for the heading."""
        return sum(row.height for row in self.rows) + self._tells_of_others or 1

    def draw(self, room: int) -> list[Text]:
        """Draw it in so many lines, but for the heading."""
        if not self.rows and not self._tells_of_others:
            return [Text(self.nothing, style="dim", no_wrap=True)][:room]
        shown = self._chosen(room)
        if len(shown) < len(self.rows) or self._tells_of_others:
            shown = self._chosen(room - 1) if self.counts_the_rest else shown
        lines = [line for row in self.rows if id(row) in shown for line in row.draw()]
        hidden = [row for row in self.rows if id(row) not in shown and not row.is_detail]
        rest = len(hidden) + self.elsewhere
        if self.counts_the_rest and (rest or self.is_cut) and room > 0:
            lines.append(self._rest(rest, sum(row.is_failure for row in hidden)))
        return lines

    @property
    def _tells_of_others(self) -> bool:
        return self.counts_the_rest and (self.elsewhere > 0 or self.is_cut)

    def _chosen(self, room: int) -> set[int]:
        """Return the ids of the rows that are shown."""
        chosen = set()
        for row in sorted(self.rows, key=lambda row: row.rank):
            if row.height <= room:
                room -= row.height
                chosen.add(id(row))
        return chosen

    def _rest(self, number: int, failures: int) -> Text:
        more = f"… {number:,}{'+' if self.is_cut else ''} more {self.noun}{'' if number == 1 else 's'}"
        line = Text(more, style="dim", no_wrap=True)
        return line.append(f" ({failures:,} failed)", "red not dim") if failures else line
