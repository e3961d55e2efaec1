"""What a person would type next."""

import shlex
from collections.abc import Sequence

import click

from supervisor.cli.output import print_wrapped


def print_lines(lines: Sequence[tuple[Sequence[str], str]]) -> None:
    """Print command lines that can be copied, each with what it is good for."""
    shown = [(shlex.join(words), why) for words, why in lines]
    width = max(len(line) for line, _why in shown)
    click.echo("What to type next:")
    for line, why in shown:
        print_wrapped(f"  {line:<{width}}  ", why, indent=6)
