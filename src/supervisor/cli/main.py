"""The command `supervisor`: its root options, its sub-commands, and the one place where errors end."""

import atexit
import errno
import gc
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import click
from click.core import ParameterSource

from supervisor.cli import completion
from supervisor.cli.lazy import CommandEntry, LazyGroup
from supervisor.cli.options import (
    LOCATING,
    Location,
    execution_options,
    locating_options,
    location,
    option,
    order_options,
    run_ids_option,
    workers_option,
)
from supervisor.cli.output import print_error, print_failure
from supervisor.colour import wanted_colour
from supervisor.config import DISTRIBUTION
from supervisor.errors import SupervisorError, SurroundingsError, UsageError
from supervisor.passwords import without_passwords
from supervisor.room import lack_of_room

# Python looks for garbage after every 700 new objects. Importing makes half a million that stay: a tenth of the start.
_OBJECTS_PER_COLLECTION = 50_000
_NAME = "supervisor"
_INTERRUPTED = 130
_DEFECT = 70
_TOO_MANY = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_SURROUNDINGS = frozenset({*_TOO_MANY, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})


class RootGroup(LazyGroup):
    """The sub-commands of `supervisor`."""

    entries = {  # noqa: RUF012 (never changed)
        "cache": CommandEntry("supervisor.cli.cache:cache", "See what is known of pages, and make room."),
        "cancel": CommandEntry("supervisor.cli.control:cancel", "End runs before their time."),
        "cleanup": CommandEntry("supervisor.cli.cleanup:cleanup", "Remove worktrees and results that nobody needs."),
        "completion": CommandEntry("supervisor.cli.completion:completion", "Let a shell complete command lines."),
        "dashboard": CommandEntry("supervisor.cli.dashboard:dashboard", "Watch sessions, workers and what happens."),
        "db": CommandEntry("supervisor.cli.database:db", "Check or upgrade the tables of the database."),
        "doctor": CommandEntry("supervisor.cli.doctor:doctor", "Look at what runs need, and how busy the machine is."),
        "jobs": CommandEntry("supervisor.cli.jobs:jobs", "List and check the job files of a repository."),
        "list": CommandEntry("supervisor.cli.sessions:list_sessions", "List the sessions, the newest first."),
        "locks": CommandEntry("supervisor.cli.locks:locks", "List run locks and workspace leases; release stale ones."),
        "logs": CommandEntry("supervisor.cli.logs:logs", "Show the log of a run, and follow it."),
        "pause": CommandEntry("supervisor.cli.control:pause", "Let runs rest, or a session with all its runs."),
        "resume": CommandEntry("supervisor.cli.resume:resume", "Go on with what was paused, or left behind."),
        "show": CommandEntry("supervisor.cli.show:show", "Show a run: how it stands, and its whole history."),
        "start": CommandEntry("supervisor.cli.start:start", "Make a session of runs, and leave it to workers."),
        "status": CommandEntry("supervisor.cli.status:status", "Show how a session stands, and what to do next."),
        "summary": CommandEntry("supervisor.cli.summary:summary", "Tell in three lines how everything stands."),
        "trace": CommandEntry("supervisor.cli.trace:trace", "See who executed what and when, and where the time went."),
        "try": CommandEntry("supervisor.cli.try_files:try_files", "Recognise files right here: no git, no job file."),
        "work": CommandEntry("supervisor.cli.work:work", "Execute what is queued, in any session."),
        "workers": CommandEntry("supervisor.cli.workers:workers", "List the workers; change how many there are."),
    }


@click.group(
    cls=RootGroup,
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all succeeded, 1 a run failed, 2 usage, 3 held by another, 4 surroundings, 130/143 stopped.",
)
@run_ids_option
@workers_option()
@option("--session", metavar="TITLE", help="Title of the session.  [default: the run ids]")
@order_options
@execution_options
@click.option("--list-worktrees", is_flag=True, help="List the worktrees of runs, and do nothing else.")
@click.option("--cleanup", is_flag=True, help="Remove the worktrees that nobody uses and that hold no work.")
@locating_options
@click.version_option(package_name=DISTRIBUTION, prog_name=_NAME)
@click.pass_context
def cli(ctx: click.Context, /, **options: Any) -> int:
    """Run OCR jobs over documents kept in git, in parallel and isolated from each other.

    Each run gets a git worktree, a lease and an executor process of its own, and performs the jobs that are committed
    in ocr-jobs/RUN_ID.toml.

    \b
      supervisor --run-ids letters,books --workers 2   execute two runs
      supervisor --run-ids letters --working-tree      files not committed yet
      supervisor start Night --run-ids letters,books   queue them for workers
      supervisor work                                  execute what is queued
      supervisor show letters                          what became of a run
      supervisor resume                                after a crash or a pause
      supervisor try scan.png                          one file, no git
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    options = {name: value for name, value in options.items() if name not in LOCATING}
    given = [name for name in options if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if ctx.invoked_subcommand is not None:
        if given:
            raise click.UsageError(
                f"--{given[0].replace('_', '-')} has no meaning before the command '{ctx.invoked_subcommand}'"
            )
        return 0
    action, alone = _action(options)
    unrelated = [name for name in given if alone and name not in {alone, "quiet"}]
    if unrelated:
        raise click.UsageError(f"--{unrelated[0].replace('_', '-')} has no meaning beside --{alone.replace('_', '-')}")
    execute: Callable[..., int] = action()
    return execute(ctx, location(ctx), options)


def _action(options: dict[str, Any]) -> tuple[Callable[[], Callable[..., int]], str]:
    """Return how to load what the root options ask for, and the option that stands alone."""
    if options["list_worktrees"]:
        return lambda: import_module("supervisor.cli.worktrees").list_worktrees, "list_worktrees"
    if options["cleanup"]:
        return lambda: import_module("supervisor.cli.cleanup").clean_workspaces, "cleanup"
    return lambda: _run, ""


def _run(ctx: click.Context, where: Location, options: dict[str, Any]) -> int:
    """Execute runs."""
    # It imports for as long as we do: side by side that takes half the time.
    with import_module("supervisor.executor.forkserver").fork_server(os.environ):
        code: int = import_module("supervisor.cli.run").run(ctx, where, options)
        return code


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    _open_closed_streams()
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    # Or the interpreter would look through all of them once more, just before the system takes them back.
    atexit.register(gc.freeze)
    if completion.VARIABLE in os.environ:
        completion.answer(cli, _NAME)
    words = list(sys.argv[1:] if arguments is None else arguments)
    if any(without_passwords(word) != word for word in words):
        # Loaded only then: ctypes takes a while.
        import_module("supervisor.cli.command_line").hide_typed_passwords()
    as_json = "--json" in words
    try:
        code = cli.main(words, prog_name=_NAME, standalone_mode=False, color=wanted_colour())
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        print_error(_usage_message(error), _usage_hint(error), error.exit_code, as_json=as_json)
        code = error.exit_code
    except SupervisorError as error:
        print_failure(error, as_json=as_json)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print_error("interrupted", None, _INTERRUPTED, as_json=as_json)
        code = _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone.
        code = 1
    except OSError as error:
        code = _report_system_error(error, words, as_json=as_json)
    except Exception as error:  # noqa: BLE001 (the last resort: nobody shall see a traceback in place of a report)
        code = _report_defect(error, words, as_json=as_json)
    _drop_what_cannot_be_written()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Lead standard streams that are closed nowhere: Python has none then, and other files would get their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115 (it stays open, as the others do)
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def _drop_what_cannot_be_written() -> None:
    """Lead streams nowhere whose reader or disk has gone: Python would complain once more when it flushes at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _report_system_error(error: OSError, words: Sequence[str], *, as_json: bool) -> int:
    failure: SupervisorError | None = lack_of_room(error)
    if failure is None and error.errno in _SURROUNDINGS:
        failure = SurroundingsError(str(error), hint="end other programs or mend the permissions")
    if failure is None and isinstance(error, FileNotFoundError) and _directory_is_gone():
        failure = UsageError("the current directory is gone", hint="go to another one with cd")
    if failure is None:
        return _report_defect(error, words, as_json=as_json)
    print_failure(failure, as_json=as_json)
    return failure.exit_code


def _directory_is_gone() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 (it is not the path that matters)
    except FileNotFoundError:
        return True
    return False


def _report_defect(error: Exception, words: Sequence[str], *, as_json: bool) -> int:
    # Loaded only now: what a report needs costs every other command a quarter of its start.
    path = import_module("supervisor.cli.defect").write_report(words)
    print_error(f"a defect of the program: {error!r}", f"the report is in {path}", _DEFECT, as_json=as_json)
    return _DEFECT


def _usage_message(error: click.ClickException) -> str:
    """Return what click says, and which variable it says it of, if it is not the command line's mistake."""
    message = " ".join(line.strip() for line in error.format_message().splitlines())
    if isinstance(error, click.BadParameter) and error.ctx and error.param and error.param.name:
        variables = [error.param.envvar] if isinstance(error.param.envvar, str) else error.param.envvar or ()
        if error.ctx.get_parameter_source(error.param.name) is ParameterSource.ENVIRONMENT:
            return f"{next(name for name in variables if os.environ.get(name))}: {message}"
    return message


def _usage_hint(error: click.ClickException) -> str | None:
    if not isinstance(error, click.UsageError):
        return None
    return f"see {error.ctx.command_path if error.ctx else 'supervisor'} --help"
