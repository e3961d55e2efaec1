"""`supervisor cache`: what is known of pages that were recognised once, and making room."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from supervisor.cli.options import Location, cache_dir_option, located
from supervisor.cli.output import print_json
from supervisor.config import (
    SettingsError,
    cache_directory,
    cache_limit_bytes,
    parse_settings,
    parse_size,
    user_settings_file,
)
from supervisor.errors import SurroundingsError
from supervisor.model.amounts import shown_bytes
from supervisor.ocr.cache import upkeep
from supervisor.store.errors import DatabaseError
from supervisor.store.page_cache import DEFAULT_LIMIT_BYTES, SharedPages, SharedSurvey
from supervisor.store.urls import parse_url, shown_url


class Size(click.ParamType[int]):
    """A size such as 500MB."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(f"{error}; write it like 5GB or 500MB", param, ctx)


@dataclass(frozen=True)
class _Shared:
    """What the database says of the pages in it: what there is, or why it cannot be told."""

    url: str
    survey: SharedSurvey | None
    error: str | None


@click.group()
def cache() -> None:
    """See how much is known of pages that were recognised once, and make room.

    \b
      supervisor cache info                  pages, size, limit
      supervisor cache prune --max-size 1GB  drop what was used longest ago
      supervisor cache prune --all           forget everything
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)


@cache.command(short_help="Tell what the page cache holds.")
@cache_dir_option
@located
@click.pass_context
def info(ctx: click.Context, /, *, where: Location, cache_dir: Path | None) -> int:
    """Tell what the page cache holds, and the part of it that machines share, if there is a database."""
    directory, limit_bytes = _directory(ctx, cache_dir), cache_limit_bytes(os.environ)
    found = _survey(directory)
    shared = _shared(where.database_url)
    code = SurroundingsError.exit_code if shared and shared.error else 0
    if where.as_json:
        print_json(_document(directory, limit_bytes, found, shared, code))
        return code
    click.echo(directory)
    oldest_use = None if found.oldest_use is None else datetime.fromtimestamp(found.oldest_use, UTC)
    _print_part(found.pages, found.entries, found.size_bytes, limit_bytes, oldest_use)
    if shared:
        click.echo(shared.url)
    if shared and shared.error:
        click.echo(f"  cannot be read: {shared.error}")
    if shared and shared.survey:
        one = shared.survey
        _print_part(one.pages, one.entries, one.size_bytes, DEFAULT_LIMIT_BYTES, one.oldest_use)
    return code


@cache.command(short_help="Remove what was used longest ago.")
@cache_dir_option
@click.option("--max-size", type=Size(), metavar="SIZE", help="What may be left, as in 1GB.  [default: the limit]")
@click.option("--all", "everything", is_flag=True, help="Leave nothing.")
@located
@click.pass_context
def prune(
    ctx: click.Context, /, *, where: Location, cache_dir: Path | None, max_size: int | None, everything: bool
) -> int:
    """Remove what was used longest ago from this machine's page cache, until the rest is small enough.

    What machines share in a database is not touched; it bounds itself.
    """
    if everything and max_size is not None:
        raise click.UsageError("--max-size has no meaning beside --all")
    directory = _directory(ctx, cache_dir)
    limit_bytes = 0 if everything else max_size if max_size is not None else cache_limit_bytes(os.environ)
    try:
        done = upkeep.prune(directory, limit_bytes, leave_bytes=limit_bytes)
    except OSError as error:
        raise _unusable(directory, error) from error
    if where.as_json:
        figures = {"removed": done.removed, "removed_bytes": done.removed_bytes}
        left = {"kept": done.kept, "kept_bytes": done.kept_bytes}
        print_json({"schema": "supervisor.cache-prune/1", "directory": str(directory), **figures, **left})
        return 0
    click.echo(
        f"{directory}: {done.removed:,} entries removed ({shown_bytes(done.removed_bytes)}), "
        f"{done.kept:,} left ({shown_bytes(done.kept_bytes)})"
    )
    return 0


def _directory(ctx: click.Context, chosen: Path | None) -> Path:
    """Return the directory that runs use: what the user's own file says counts if nothing else does."""
    file = user_settings_file(os.environ)
    if chosen is None and file.is_file():
        known = [parameter.name for parameter in ctx.find_root().command.params if parameter.name]
        own = parse_settings(file.read_bytes(), str(file), known=known, in_repository=False).get("cache_dir")
        if own is not None and not isinstance(own, str):
            raise SettingsError(f"{file}: cache_dir cannot be {own!r}")
        return cache_directory(own, os.environ)
    return cache_directory(chosen, os.environ)


def _survey(directory: Path) -> upkeep.Survey:
    try:
        return upkeep.survey(directory)
    except OSError as error:
        raise _unusable(directory, error) from error


def _unusable(directory: Path, error: OSError) -> SurroundingsError:
    return SurroundingsError(
        f"the page cache {directory} cannot be read: {error.strerror or error}",
        hint="mend its permissions, or choose another with --cache-dir",
    )


def _shared(url: str | None) -> _Shared | None:
    """Ask the database, if there is one that machines can share."""
    if url is None or parse_url(url).get_backend_name() != "postgresql":
        return None
    pages = SharedPages(url)
    try:
        return _Shared(shown_url(parse_url(url)), pages.survey(), None)
    except DatabaseError as error:
        return _Shared(shown_url(parse_url(url)), None, error.message)
    finally:
        pages.close()


def _print_part(pages: int, entries: int, size_bytes: int, limit_bytes: int, oldest_use: datetime | None) -> None:
    click.echo(f"  pages       {pages:,}")
    click.echo(f"  entries     {entries:,}")
    click.echo(f"  size        {shown_bytes(size_bytes)} of {shown_bytes(limit_bytes)}")
    click.echo(f"  oldest use  {f'{oldest_use.astimezone():%Y-%m-%d %H:%M}' if oldest_use else 'none'}")


def _document(
    directory: Path, limit_bytes: int, found: upkeep.Survey, shared: _Shared | None, code: int
) -> dict[str, object]:
    oldest_use = None if found.oldest_use is None else datetime.fromtimestamp(found.oldest_use, UTC).isoformat()
    document: dict[str, object] = {
        "schema": "supervisor.cache/1",
        "directory": str(directory),
        "pages": found.pages,
        "entries": found.entries,
        "histories": found.histories,
        "size_bytes": found.size_bytes,
        "limit_bytes": limit_bytes,
        "oldest_use": oldest_use,
        "shared": None,
        "exit_code": code,
    }
    if shared:
        survey = shared.survey
        document["shared"] = {
            "database": shared.url,
            "pages": survey.pages if survey else None,
            "entries": survey.entries if survey else None,
            "size_bytes": survey.size_bytes if survey else None,
            "limit_bytes": DEFAULT_LIMIT_BYTES,
            "oldest_use": survey.oldest_use.isoformat() if survey and survey.oldest_use else None,
            "error": shared.error,
        }
    return document
