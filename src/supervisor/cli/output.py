"""What commands print: reports on standard output, everything else on standard error."""

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping
from contextlib import suppress

import click

from supervisor.errors import SupervisorError
from supervisor.model.paths import printable
from supervisor.passwords import without_passwords

ERROR_SCHEMA = "supervisor.error/1"
# What JSON itself leaves as it is: other controls, other line ends, marks that turn the direction of writing, and lone
# surrogates, which no stream takes.
_UNSHOWN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def print_json(document: Mapping[str, object]) -> None:
    """Print the one JSON document of a command."""
    click.echo(json_text(document, indent=2))


def json_text(document: Mapping[str, object], *, indent: int | None = None) -> str:
    """Return a document as JSON that a terminal can show: what would change how it looks stands there escaped."""
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_note(line: str) -> None:
    """Print a line for the person at the terminal."""
    click.echo(line, err=True)


def print_wrapped(start: str, text: str, *, indent: int) -> None:
    """Print a line; on a terminal that is too narrow for it, it goes on beneath its second column."""
    width = terminal_columns()
    if len(click.unstyle(start)) + len(text.split(" ", 1)[0]) > width:
        click.echo(start.rstrip())
        start = " " * indent
    # Colours take no room.
    plain = click.unstyle(start)
    filled = textwrap.fill(
        text,
        width,
        initial_indent=plain,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    click.echo(start + filled[len(plain) :] if text else start.rstrip())


def terminal_columns() -> int:
    """Return how wide standard output is; without a limit where that is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize


def print_error(message: str, hint: str | None, exit_code: int, *, as_json: bool) -> None:
    """Print why a command failed: one line, and with `--json` the document in place of the report."""
    message = without_passwords(message)
    if as_json:
        # That nothing can be written there may be what went wrong: standard error tells, or the exit code.
        with suppress(OSError):
            print_json({"schema": ERROR_SCHEMA, "error": {"message": message, "hint": hint}, "exit_code": exit_code})
    with suppress(OSError):
        print_note(printable(f"supervisor: {message} ({hint})" if hint else f"supervisor: {message}"))


def print_failure(error: SupervisorError, *, as_json: bool) -> None:
    """Print an expected failure."""
    print_error(error.message, error.hint, error.exit_code, as_json=as_json)


def is_terminal() -> bool:
    """Tell whether standard error is a terminal that can be drawn on."""
    return sys.stderr.isatty()
