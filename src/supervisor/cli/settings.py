"""Settings files under the command line: what was not typed, nor set in the environment, comes from them."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from supervisor.config import REPOSITORY_FILE, parse_settings, user_settings_file
from supervisor.errors import UsageError
from supervisor.git.repository import Repository

_NEARNESS: dict[ParameterSource | None, int] = {ParameterSource.COMMANDLINE: 2, ParameterSource.ENVIRONMENT: 1}
_NOT_SETTINGS = frozenset({"list_worktrees", "cleanup", "help", "version", "repo", "as_json"})


def apply_settings(
    ctx: click.Context, repository: Repository, options: dict[str, Any], *, leaving: Collection[str] = ()
) -> dict[str, Any]:
    """Return the options with what the settings files say where nothing else did; `repository` may be among them.

    Args:
        ctx: Of the command that is executed.
        repository: Whose file it is.
        options: What was typed and set, by the names that the files use.
        leaving: Options that mean something else here than in the files.

    Raises:
        UsageError: A file has an unknown key, or a value that the option does not take.
    """
    known = {param.name for param in ctx.find_root().command.params if param.name} - _NOT_SETTINGS
    parameters = {param.name: param for param in ctx.command.params if param.name}
    values: dict[str, tuple[object, str]] = {}
    for source, content, in_repository in _files(repository, str(options.get("ref", "HEAD"))):
        found = parse_settings(content, source, known=known, in_repository=in_repository)
        values |= {name: (value, source) for name, value in found.items()}
    settings = dict(options)
    for name, (value, source) in values.items():
        if name == "repository":
            if not str(value).isprintable():
                raise UsageError(f"{source}: repository cannot be {value!r}")
            settings[name] = str(value)
        elif name in options and name not in leaving and ctx.get_parameter_source(name) is ParameterSource.DEFAULT:
            settings[name] = _converted(ctx, parameters[name], value, source)
    if settings.get("quiet") and settings.get("verbose"):
        settings[_weaker(ctx, "quiet", "verbose")] = False
    return settings


def _weaker(ctx: click.Context, one: str, other: str) -> str:
    """Return which of two options that exclude each other gives way: typed over environment over files.

    Raises:
        UsageError: Both come from the same place.
    """
    first, second = (_NEARNESS.get(ctx.get_parameter_source(name), 0) for name in (one, other))
    if first == second:
        raise UsageError(f"--{one} and --{other} exclude each other", hint="leave one of them out")
    return one if first < second else other


def repository_name(ctx: click.Context, repository: Repository) -> str | None:
    """Return what the settings files say that the repository is known by."""
    name: str | None = apply_settings(ctx, repository, {}).get("repository")
    return name


def _converted(ctx: click.Context, parameter: click.Parameter, value: object, source: str) -> object:
    if parameter.multiple and not isinstance(value, list):
        value = [value]
    if isinstance(value, bool) != (isinstance(parameter, click.Option) and parameter.is_flag):
        raise UsageError(f"{source}: {parameter.name} cannot be {value!r}")
    try:
        return parameter.type_cast_value(ctx, value)
    except click.BadParameter as error:
        raise UsageError(f"{source}: {parameter.name}: {error.message}") from error


def _files(repository: Repository, ref: str) -> list[tuple[str, bytes, bool]]:
    """Return the files there are, the weaker first: name for messages, content, whether it is the repository's."""
    found: list[tuple[str, bytes, bool]] = []
    own = user_settings_file(os.environ)
    if own.is_file():
        found.append((str(own), own.read_bytes(), False))
    if repository.work_tree is not None:
        file: Path = repository.work_tree / REPOSITORY_FILE
        content = file.read_bytes() if file.is_file() else None
    else:
        content = repository.read(repository.resolve(ref), REPOSITORY_FILE)
    if content is not None:
        found.append((REPOSITORY_FILE, content, True))
    return found
