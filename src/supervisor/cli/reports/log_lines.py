"""Lines of a log as people read them: time, level, what happened, and the facts about it."""

import json
import re
import textwrap
from collections.abc import Collection

import click
from rich.text import Text

from supervisor.dashboard.terminal import StandardOutput
from supervisor.logs.lines import LogLine
from supervisor.model.paths import printable

# Who wrote it is of interest in files alone; tracebacks follow line by line.
_NEVER_SHOWN = frozenset({"supervisor", "logger", "exception", "continues"})
_STYLES = {"debug": "dim", "warning": "yellow", "error": "red", "critical": "bold red"}
_LEVEL_COLUMNS = len("warning")
_TIME_COLUMNS = len("2026-11-21 20:15:03  ")
_PLAIN_VALUE = re.compile(r"[^\s\"'=\[\]{}]+")
_OF_ATTEMPT = ("run_id", "attempt", "lease_term")


class LinePrinter:
    """Prints lines on standard output; of one run, with a heading wherever another attempt or lease term begins.

    Attributes:
        has_printed: Whether there were any.
    """

    def __init__(self, *, raw: bool, of_one_run: bool) -> None:
        """Look at standard output; `raw` lines are JSON."""
        self.has_printed = False
        self._raw = raw
        self._of_one_run = of_one_run
        self._console = StandardOutput()
        self._under: tuple[object, ...] | None = None

    def print(self, line: LogLine) -> None:
        """Print one line."""
        self.has_printed = True
        if self._raw:
            click.echo(line.encoded(), nl=False)
            return
        if self._of_one_run:
            self._head(line)
        self._say(self._shown(line, _OF_ATTEMPT if self._of_one_run else ("lease_term",)))
        for one in str(line.facts.get("exception", "")).splitlines():
            self._say(Text(" " * _TIME_COLUMNS + printable(one), style="dim"))

    def _head(self, line: LogLine) -> None:
        under = tuple(line.facts.get(name) for name in ("attempt", "lease_term"))
        if under != self._under and None not in under:
            self._say(Text(f"-- attempt {under[0]}, lease term {under[1]} --", style="bold"))
            self._under = under

    def _shown(self, line: LogLine, known: Collection[str]) -> Text:
        style = _STYLES.get(line.level, "")
        start = f"{line.at.astimezone():%Y-%m-%d %H:%M:%S}  {line.level:<{_LEVEL_COLUMNS}}  "
        text = line_text(line, but=known)
        if self._console.is_screen:
            # Beneath the level, so that times stand alone.
            text = textwrap.fill(
                text,
                self._console.width,
                initial_indent=start,
                subsequent_indent=" " * _TIME_COLUMNS,
                # A path can be copied from where the terminal breaks it.
                break_long_words=False,
                break_on_hyphens=False,
                drop_whitespace=True,
            )[len(start) :]
        return Text.assemble((start[:_TIME_COLUMNS], "dim"), (start[_TIME_COLUMNS:], style), (text, style))

    def _say(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def line_text(line: LogLine, *, but: Collection[str] = ()) -> str:
    """Return what happened, with the facts: `page failed  document=a.png page_number=3`.

    Args:
        line: The line.
        but: Facts that the reader knows.
    """
    shown = {name: value for name, value in line.facts.items() if name not in _NEVER_SHOWN and name not in but}
    facts = " ".join(f"{name}={_value(value)}" for name, value in shown.items())
    return printable(f"{line.event}  {facts}" if facts else line.event)


def plain_line(line: LogLine) -> str:
    """Return a line as it stands among others of a command that executes runs, where it is today."""
    return f"{line.at.astimezone():%H:%M:%S} {line.level:<{_LEVEL_COLUMNS}} {line_text(line, but=('lease_term',))}"


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if not isinstance(value, str) or _PLAIN_VALUE.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)
