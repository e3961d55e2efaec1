"""The whole picture: what matters most first, in as many lines and columns as there are."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.text import Text

from supervisor.dashboard.drawing import fitted
from supervisor.dashboard.picture.facts import facts_in_one_line, facts_in_two_lines
from supervisor.dashboard.picture.room import share_out
from supervisor.dashboard.picture.section import Section
from supervisor.dashboard.picture.sections import events_section, runs_section, sessions_section, workers_section
from supervisor.dashboard.sight import Sight
from supervisor.model.paths import printable

_EVENTS_IN_SNAPSHOT = 10
# A section that has less room than its heading and two rows is left to others.
_SMALLEST_SECTION = 3


@dataclass(frozen=True)
class Frame:
    """What a picture has to fit into.

    Attributes:
        lines: How many there are; None for as many as it takes.
        footer: What stands in the last one; None for nothing.
    """

    columns: int
    lines: int | None = None
    compact: bool = False
    footer: Text | None = None


def draw(sight: Sight, frame: Frame) -> list[Text]:
    """Draw a picture: exactly as many lines as the frame has, if it says how many."""
    picture = list(_head(sight, frame))
    room = None if frame.lines is None else frame.lines - len(picture) - (frame.footer is not None)
    picture += _body(sight, frame, room)
    if frame.lines is not None:
        picture = picture[: frame.lines - (frame.footer is not None)]
        picture += [Text()] * (frame.lines - len(picture) - (frame.footer is not None))
    return [*picture, frame.footer] if frame.footer is not None else picture


def _head(sight: Sight, frame: Frame) -> Iterator[Text]:
    overview = sight.overview
    moment = overview.at.astimezone()
    clock = f"{moment:%H:%M:%S}" if frame.lines is not None else f"{moment:%Y-%m-%d %H:%M:%S}"
    scope = f"  {printable(sight.scope)}" if sight.scope else ""
    room = frame.columns - len(clock) - 2
    name = fitted(printable(sight.name), room)
    title = Text(name, style="bold", no_wrap=True)
    title.append(fitted(scope, room - title.cell_len), "not bold")
    title.append(" " * (frame.columns - title.cell_len - len(clock))).append(clock, "not bold dim")
    yield title
    if frame.compact:
        yield facts_in_one_line(sight, frame.columns)
    else:
        yield Text()
        yield from facts_in_two_lines(sight, frame.columns)


def _body(sight: Sight, frame: Frame, room: int | None) -> Iterator[Text]:
    """Draw the sections; in a small screen the last ones are left out."""
    sections = _sections(sight, frame)
    gap = 0 if frame.compact else 1
    if room is None:
        heights = [section.height for section in sections]
    else:
        while len(sections) > 1 and room < len(sections) * (gap + _SMALLEST_SECTION):
            sections.pop()
        spare = room - len(sections) * (gap + 1)
        heights = share_out(spare, [section.height for section in sections], [section.weight for section in sections])
    for section, height in zip(sections, heights, strict=True):
        if gap:
            yield Text()
        yield section.heading
        yield from section.draw(height)


def _sections(sight: Sight, frame: Frame) -> list[Section]:
    overview, totals = sight.overview, sight.overview.summary
    found = [
        sessions_section(
            overview.sessions,
            frame.columns,
            nothing="none" if sight.scope else "none yet; to queue: supervisor start TITLE --run-ids A,B",
            elsewhere=0 if sight.scope else max(0, totals.sessions.total - len(overview.sessions)),
            is_cut=not sight.has_all_sessions,
            with_lanes=not frame.compact and sight.runs is None,
        )
    ]
    if sight.runs is not None:
        found.append(runs_section(sight.runs, frame.columns, overview.at))
    beyond = max(0, totals.workers.total - len(overview.workers))
    found.append(workers_section(overview.workers, frame.columns, elsewhere=beyond))
    if not frame.compact:
        # They fill a terminal; a snapshot has no end.
        events = overview.events if frame.lines is not None else overview.events[:_EVENTS_IN_SNAPSHOT]
        found.append(events_section(events, frame.columns))
    return found
