"""What a person would type next."""

import shlex
from collections.abc import Sequence

import click


def print_lines(lines: Sequence[tuple[Sequence[str], str]]) -> None:
    """Print command lines that can be copied, each with what it is good for."""
    shown = [(shlex.join(words), why) for words, why in lines]
    width = max(len(line) for line, _why in shown)
    click.echo("What to type next:")
    for line, why in shown:
        click.echo(f"  {line:<{width}}  {why}")
