"""The command `supervisor`: its root options, its sub-commands, and the one place where errors end."""

import errno
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from supervisor.cli.lazy import CommandEntry, LazyGroup
from supervisor.cli.options import locating_options, location
from supervisor.cli.output import print_error, print_failure
from supervisor.config import DISTRIBUTION
from supervisor.errors import SupervisorError, SurroundingsError

_LOCATING = frozenset({"repo", "runs_dir", "as_json"})
_INTERRUPTED = 130
_DEFECT = 70
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_SURROUNDINGS = frozenset({*_NO_ROOM, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})


class RootGroup(LazyGroup):
    """The sub-commands of `supervisor`."""

    entries = {  # noqa: RUF012 (never changed)
        "jobs": CommandEntry("supervisor.cli.jobs:jobs", "List and check the job files of a repository."),
        "locks": CommandEntry("supervisor.cli.locks:locks", "List run locks and workspace leases; release stale ones."),
        "try": CommandEntry("supervisor.cli.try_files:try_files", "Recognise files right here: no git, no job file."),
    }


def _available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@click.group(
    cls=RootGroup,
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "SUPERVISOR",
        "max_content_width": 100,
    },
    epilog="Exit codes: 0 all succeeded, 1 a run failed, 2 usage, 3 held by another, 4 surroundings, 130/143 stopped.",
)
@click.option("--run-ids", multiple=True, metavar="A,B,C", help="Runs to execute; a@REF gives a run a ref of its own.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=_available_cores,
    show_default="cores",
    help="Executors at a time, one run each.",
)
@click.option(
    "--ocr-workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    envvar="OCR_WORKERS",
    help="Page processes of each executor.",
)
@click.option("--ref", default="HEAD", show_default=True, help="Commit, branch or tag to run on.")
@click.option(
    "--job-file", multiple=True, metavar="PATH", help="Job file for all runs, in place of ocr-jobs/RUN_ID.toml."
)
@click.option("--working-tree", is_flag=True, help="Run the files as they are now, committed or not.")
@click.option("--session", metavar="TITLE", help="Title of the session.  [default: the run ids]")
@click.option("--per-run-sqlite", is_flag=True, help="Keep each run's results in an SQLite database of its own.")
@click.option("--keep-workspaces", is_flag=True, help="Leave the worktrees in place when runs end.")
@click.option(
    "--list-worktrees", is_flag=True, allow_from_autoenv=False, help="List the worktrees of runs, and do nothing else."
)
@click.option(
    "--cleanup",
    is_flag=True,
    allow_from_autoenv=False,
    help="Remove the worktrees that nobody uses and that hold no work.",
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@locating_options
@click.version_option(package_name=DISTRIBUTION, prog_name="supervisor")
@click.pass_context
def cli(ctx: click.Context, /, repo: Path | None, runs_dir: Path | None, *, as_json: bool, **options: Any) -> int:
    """Run OCR jobs over documents kept in git, in parallel and isolated from each other.

    Each run gets a git worktree, a lease and an executor process of its own, and performs the jobs that are committed
    in ocr-jobs/RUN_ID.toml.

    \b
      supervisor --run-ids letters,books --workers 2     execute two runs
      supervisor --run-ids letters --working-tree        with files not committed yet
      supervisor try scan.png                            one file, no git
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    given = [name for name in options if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if ctx.invoked_subcommand is not None:
        if given:
            raise click.UsageError(
                f"--{given[0].replace('_', '-')} has no meaning before the command '{ctx.invoked_subcommand}'"
            )
        return 0
    where = location(ctx, repo, runs_dir, as_json=as_json)
    action, alone = _action(options)
    unrelated = [name for name in given if alone and name not in {alone, "quiet"}]
    if unrelated:
        raise click.UsageError(f"--{unrelated[0].replace('_', '-')} has no meaning beside --{alone.replace('_', '-')}")
    execute: Callable[..., int] = action()
    return execute(ctx, where, options)


def _action(options: dict[str, Any]) -> tuple[Callable[[], Callable[..., int]], str]:
    """Return how to load what the root options ask for, and the option that stands alone."""
    if options["list_worktrees"]:
        return lambda: import_module("supervisor.cli.worktrees").list_worktrees, "list_worktrees"
    if options["cleanup"]:
        return lambda: import_module("supervisor.cli.worktrees").cleanup, "cleanup"
    return lambda: import_module("supervisor.cli.run").run, ""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        code = cli.main(words, prog_name="supervisor", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        print_error(error.format_message().replace("\n", " "), _usage_hint(error), error.exit_code, as_json=as_json)
        code = error.exit_code
    except SupervisorError as error:
        print_failure(error, as_json=as_json)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print_error("interrupted", None, _INTERRUPTED, as_json=as_json)
        code = _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        if error.errno not in _SURROUNDINGS:
            code = _report_defect(error, words, as_json=as_json)
        else:
            print_error(str(error), "make room or mend the permissions", SurroundingsError.exit_code, as_json=as_json)
            code = SurroundingsError.exit_code
    except Exception as error:  # noqa: BLE001 (the last resort: nobody shall see a traceback in place of a report)
        code = _report_defect(error, words, as_json=as_json)
    sys.exit(code)


def _report_defect(error: Exception, words: Sequence[str], *, as_json: bool) -> int:
    # Loaded only now: what a report needs costs every other command a quarter of its start.
    path = import_module("supervisor.cli.defect").write_report(words)
    print_error(f"a defect of the program: {error!r}", f"the report is in {path}", _DEFECT, as_json=as_json)
    return _DEFECT


def _usage_hint(error: click.ClickException) -> str | None:
    if not isinstance(error, click.UsageError):
        return None
    return f"see {error.ctx.command_path if error.ctx else 'supervisor'} --help"
