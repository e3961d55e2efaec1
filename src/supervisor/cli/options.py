"""Options that several commands share, and where their values come from."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from supervisor.cli.completion import run_ids_with_jobs
from supervisor.config import RUNS_DIR_VARIABLE, SettingsError, parse_settings, user_settings_file
from supervisor.model.intents import DEFAULT_CANCEL_GRACE_SECONDS
from supervisor.model.lanes import DEFAULT_PRIORITY
from supervisor.model.lease import DEFAULT_LEASE_SECONDS, MIN_LEASE_SECONDS
from supervisor.model.numbers import LARGEST_NUMBER, MAX_WORKERS
from supervisor.model.retry import DEFAULT_MAX_RETRIES
from supervisor.passwords import without_passwords
from supervisor.room import DEFAULT_MIN_FREE_MB

Command = Callable[..., int]
Decorator = Callable[[Command], Command]

DATABASE_VARIABLE = "DATABASE_URL"
LOCATING = frozenset({"repo", "runs_dir", "database_url", "per_run_sqlite", "as_json"})


@dataclass(frozen=True)
class Location:
    """Where a command works, and how it reports.

    Attributes:
        runs_dir: As given; None for the default.
        database_url: As given; None if none was, or if `per_run_sqlite` overrides it.
        per_run_sqlite: Whether files in the runs directory were asked for; without a URL they are used in any case.
    """

    repo: Path
    runs_dir: Path | None
    database_url: str | None
    per_run_sqlite: bool
    as_json: bool


class WholeNumber(click.ParamType[int]):
    """A whole number from a minimum up to a maximum, which is what databases store, unless it is said."""

    name = "integer"

    def __init__(self, minimum: int, maximum: int = LARGEST_NUMBER) -> None:
        self._minimum = minimum
        self._maximum = maximum

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002 (signature given)
        """Return how `--help` names a value."""
        return "N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number that was typed, or stands in a settings file, where 2.5 is not rounded."""
        try:
            number = int(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a whole number", param, ctx)
        if number < self._minimum:
            self.fail(f"{number} is less than {self._minimum}", param, ctx)
        if number > self._maximum:
            self.fail(f"{number} is more than {self._maximum}", param, ctx)
        return number


def option(*names: str, variables: tuple[str, ...] = (), **settings: Any) -> Decorator:
    """Declare an option that the environment can set: by variables of its own, and by SUPERVISOR_ and its name."""
    common = f"SUPERVISOR_{names[0].removeprefix('--').replace('-', '_').upper()}"
    return click.option(*names, envvar=[*variables, common], **settings)


def _together(*decorators: Decorator) -> Decorator:
    def decorate(command: Command) -> Command:
        for one in reversed(decorators):
            command = one(command)
        return command

    return decorate


locating_options = _together(
    option(
        "--repo", type=click.Path(path_type=Path), help="A directory in the repository.  [default: the current one]"
    ),
    option(
        "--runs-dir",
        type=click.Path(path_type=Path, file_okay=False),
        variables=(RUNS_DIR_VARIABLE,),
        help="Where runs are kept.  [default: .autonomous_runs in the main work tree]",
    ),
    option(
        "--database-url",
        metavar="URL",
        variables=(DATABASE_VARIABLE,),
        help="Database that supervisors share, as in postgresql://…; better set as DATABASE_URL.",
    ),
    option("--per-run-sqlite", is_flag=True, help="SQLite in the runs directory, whatever --database-url says."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output."),
)
"""Options that are understood before and after a sub-command; `location` reads them."""

run_ids_option = option(
    "--run-ids",
    multiple=True,
    metavar="A,B,C",
    shell_complete=run_ids_with_jobs,
    help="Runs to execute; a@REF gives a run a ref of its own.",
)
order_options = _together(
    option("--ref", default="HEAD", show_default=True, help="Commit, branch or tag to run on."),
    option(
        "--job-file", multiple=True, metavar="PATH", help="Job file for all runs, in place of ocr-jobs/RUN_ID.toml."
    ),
    option("--working-tree", is_flag=True, help="Run the files as they are now, committed or not."),
    option(
        "--lane",
        multiple=True,
        metavar="LANE[=A,B]",
        help="Lane for all runs, or for some; a lane executes one run at a time.",
    ),
    option(
        "--priority",
        type=WholeNumber(0),
        default=DEFAULT_PRIORITY,
        show_default=True,
        help="Lower numbers are executed first.",
    ),
    option("--timeout", type=WholeNumber(1), metavar="SECONDS", help="For one attempt of a run.  [default: none]"),
    option(
        "--max-retries",
        type=WholeNumber(0),
        default=DEFAULT_MAX_RETRIES,
        show_default=True,
        help="Retries of a run, after what can pass by itself.",
    ),
)
"""How the runs that are named are resolved and treated."""

cache_dir_option = option(
    "--cache-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where recognised pages are kept for all runs.  [default: ~/.cache/supervisor]",
)


def ocr_workers_option(what: str) -> Decorator:
    """Declare how many page processes there are; `what` describes them."""
    return option(
        "--ocr-workers",
        type=WholeNumber(1, MAX_WORKERS),
        variables=("OCR_WORKERS",),
        help=f"{what}  [default: the machine's OCR slots, at least 2]",
    )


execution_options = _together(
    ocr_workers_option("Page processes of each executor."),
    option(
        "--lease-seconds",
        type=WholeNumber(MIN_LEASE_SECONDS),
        default=DEFAULT_LEASE_SECONDS,
        show_default=True,
        help="Silence after which others take over our runs.",
    ),
    option(
        "--cancel-grace",
        type=WholeNumber(0),
        metavar="SECONDS",
        default=DEFAULT_CANCEL_GRACE_SECONDS,
        show_default=True,
        help="For a cancelled run to end by itself.",
    ),
    cache_dir_option,
    option("--no-cache", is_flag=True, help="Recognise every page, whatever is known of it, and keep none."),
    option(
        "--min-free",
        type=WholeNumber(0),
        metavar="MB",
        default=DEFAULT_MIN_FREE_MB,
        show_default=True,
        help="Stop in order when a disk has less room; 0 never looks.",
    ),
    option("--keep-workspaces", is_flag=True, help="Leave the worktrees in place when runs end."),
    option(
        "--retain-days",
        type=WholeNumber(1),
        help="Afterwards, remove results and worktrees that are older.  [default: keep them]",
    ),
    option("--quiet", "-q", is_flag=True, help="Say nothing but errors."),
    option("--verbose", "-v", is_flag=True, help="Tell of every document, and show the supervisor's log."),
)
"""How it is executed."""


def workers_option(*, variables: tuple[str, ...] = ()) -> Decorator:
    """Declare how many runs are executed at a time."""
    return option(
        "--workers",
        type=WholeNumber(1, MAX_WORKERS),
        variables=variables,
        help="Executors at a time, one run each.  [default: cores]",
    )


def located(command: Command) -> Command:
    """Give a command the locating options, put together as `where`."""

    @wraps(command)
    def with_location(*arguments: Any, **options: Any) -> int:
        others = {name: value for name, value in options.items() if name not in LOCATING}
        return command(*arguments, where=location(click.get_current_context()), **others)

    return locating_options(with_location)


def location(ctx: click.Context) -> Location:
    """Put together what was given before and after a sub-command; what stands nearer to it wins.

    What locates files and databases can also come from the user's own settings file, so that every command finds the
    same ones.
    """
    file = user_settings_file(os.environ)
    own = _users_settings(ctx, file) if file.is_file() else {}
    runs_dir, repo = _typed(ctx, "runs_dir") or ctx.params["runs_dir"], _typed(ctx, "repo") or ctx.params["repo"]
    if not runs_dir and own.get("runs_dir"):
        runs_dir = Path(str(own["runs_dir"])).expanduser()
    database_url, per_run_sqlite = _database(ctx, own)
    return Location(
        repo=repo or Path(),
        runs_dir=runs_dir,
        database_url=database_url,
        per_run_sqlite=per_run_sqlite,
        as_json=bool(_typed(ctx, "as_json")),
    )


def typed_location(ctx: click.Context) -> list[str]:
    """Return the words that make another command work where this one was told to; passwords are not among them."""
    words = []
    for name in ("repo", "runs_dir", "database_url"):
        value = _typed(ctx, name)
        words += [f"--{name.replace('_', '-')}", without_passwords(str(value))] if value else []
    return [*words, "--per-run-sqlite"] if _typed(ctx, "per_run_sqlite") else words


def _database(ctx: click.Context, own: Mapping[str, object]) -> tuple[str | None, bool]:
    """Return which database is meant: by what was typed, else by the environment, else by the user's file."""
    typed = {name: _typed(ctx, name) for name in ("database_url", "per_run_sqlite")}
    if typed["database_url"] == "" and not typed["per_run_sqlite"]:
        raise click.UsageError("--database-url is empty; without it, results go to SQLite")
    for source in (typed, ctx.params, own):
        if source.get("per_run_sqlite"):
            return None, True
        if source.get("database_url"):
            return str(source["database_url"]), False
    return None, False


def _typed(ctx: click.Context, name: str) -> Any:
    """Return what was typed for an option, nearest to the command that is executed; None if nothing was."""
    context: click.Context | None = ctx
    while context is not None:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            return context.params[name]
        context = context.parent
    return None


def _users_settings(ctx: click.Context, file: Path) -> dict[str, object]:
    known = [parameter.name for parameter in ctx.find_root().command.params if parameter.name]
    settings = parse_settings(file.read_bytes(), str(file), known=known, in_repository=False)
    for name, kind in (("runs_dir", str), ("database_url", str), ("per_run_sqlite", bool)):
        if not isinstance(settings.get(name, kind()), kind):
            raise SettingsError(f"{file}: {name} cannot be {settings[name]!r}")
    return settings
