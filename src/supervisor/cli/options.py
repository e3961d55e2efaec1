"""Options that several commands share, and where their values come from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from supervisor.config import RUNS_DIR_VARIABLE

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Location:
    """Where a command works, and how it reports.

    Attributes:
        runs_dir: As given; None for the default.
    """

    repo: Path
    runs_dir: Path | None
    as_json: bool


def locating_options(command: Command) -> Command:
    """Add the options that are understood before and after a sub-command."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output."),
        click.option(
            "--runs-dir",
            type=click.Path(path_type=Path, file_okay=False),
            envvar=RUNS_DIR_VARIABLE,
            help="Where runs are kept.  [default: .autonomous_runs in the main work tree]",
        ),
        click.option(
            "--repo",
            type=click.Path(path_type=Path),
            help="A directory in the repository.  [default: the current one]",
        ),
    ):
        command = decorate(command)
    return command


def location(ctx: click.Context, repo: Path | None, runs_dir: Path | None, *, as_json: bool) -> Location:
    """Put together what was given before and after a sub-command; what stands nearer to it wins."""
    outer = ctx.find_root().params
    return Location(
        repo=repo or outer.get("repo") or Path(),
        runs_dir=runs_dir or outer.get("runs_dir"),
        as_json=as_json or bool(outer.get("as_json")),
    )
