"""Options that several commands share, and where their values come from."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from supervisor.config import RUNS_DIR_VARIABLE, SettingsError, parse_settings, user_settings_file

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
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            allow_from_autoenv=False,
            help="Print one JSON document on standard output.",
        ),
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
    """Put together what was given before and after a sub-command; what stands nearer to it wins.

    The runs directory can also come from the user's own settings file, so that every command finds the same one.
    """
    outer = ctx.find_root().params
    return Location(
        repo=repo or outer.get("repo") or Path(),
        runs_dir=runs_dir or outer.get("runs_dir") or _users_runs_dir(ctx),
        as_json=as_json or bool(outer.get("as_json")),
    )


def _users_runs_dir(ctx: click.Context) -> Path | None:
    file = user_settings_file(os.environ)
    if not file.is_file():
        return None
    known = [parameter.name for parameter in ctx.find_root().command.params if parameter.name]
    value = parse_settings(file.read_bytes(), str(file), known=known, in_repository=False).get("runs_dir")
    if value is not None and not isinstance(value, str):
        raise SettingsError(f"{file}: runs_dir cannot be {value!r}")
    return Path(value).expanduser() if value else None
