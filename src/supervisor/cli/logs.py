"""`supervisor logs RUN`: what the executors of a run and its supervisors have told, and tell while it goes on."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import click

from supervisor.artifacts.log_reading import LogReader, log_files
from supervisor.cli.names import run_names
from supervisor.cli.options import Location, WholeNumber, located
from supervisor.cli.output import print_json, print_note
from supervisor.cli.reports.log_lines import LinePrinter
from supervisor.cli.settings import repository_name
from supervisor.logs.earlier import LineParser
from supervisor.logs.lines import CHOSEN_LEVELS, LogLine
from supervisor.model.run_ids import RunIdError, check_run_id
from supervisor.model.states import RunStatus
from supervisor.store.runs import RunHead
from supervisor.supervision.control.following import FollowedRun
from supervisor.supervision.control.selection import find_run, unknown_name
from supervisor.supervision.place import Place

SCHEMA = "supervisor.logs/1"
_INTERRUPTED = 130
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class _Wanted:
    """Which lines are wanted.

    Attributes:
        last: How many, of those that are there already; None for all.
    """

    attempt: int | None
    level: str | None
    last: int | None

    def takes(self, line: LogLine) -> bool:
        if self.attempt is not None and line.facts.get("attempt") != self.attempt:
            return False
        return self.level is None or line.is_at_least(self.level)


@click.command()
@click.argument("name", metavar="[RUN]", required=False, shell_complete=run_names)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until the run has ended.")
@click.option("--attempt", type=WholeNumber(1), help="Of this attempt only.")
@click.option("--level", type=click.Choice(CHOSEN_LEVELS), help="Only lines that are as bad as that, or worse.")
@click.option("--lines", "-n", "last", type=WholeNumber(0), help="The last N lines only, and what follows them.")
@click.option("--raw", is_flag=True, help="JSON lines, as they stand in the files.")
@located
@click.pass_context
def logs(
    ctx: click.Context,
    /,
    *,
    where: Location,
    name: str | None,
    follow: bool,
    attempt: int | None,
    level: str | None,
    last: int | None,
    raw: bool,
) -> int:
    """Show the log of a run, oldest line first; without RUN, what the supervisors here have done.

    \b
      supervisor logs letters                   all of it
      supervisor logs letters --level error     why documents failed
      supervisor logs letters -f                while it executes
      supervisor logs letters -n 20 --raw       for other programs
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    if where.as_json and (follow or raw):
        other = "--follow" if follow else "--raw"
        raise click.UsageError(f"--json prints one document, which {other} does not; --raw -f prints line by line")
    if attempt is not None and name is None:
        raise click.UsageError("--attempt is that of a run, which is not named")
    wanted = _Wanted(attempt, level, last)
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    try:
        with _source(ctx, place, name, wanted, follow=follow) as source:
            if where.as_json:
                _print_document(source, wanted)
            else:
                _print(source, wanted, raw=raw)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


@dataclass(frozen=True)
class _Source:
    """A log.

    Attributes:
        run_id: None for that of the supervisors.
        row: The run's newest row, where it was looked up.
        goes_on: Tells whether more may come; None if nobody waits for it.
    """

    path: Path
    run_id: str | None = None
    row: RunHead | None = None
    goes_on: Callable[[], bool] | None = None


@contextmanager
def _source(ctx: click.Context, place: Place, name: str | None, wanted: _Wanted, *, follow: bool) -> Iterator[_Source]:
    directory = place.runs_directory
    if name is None:
        yield _Source(directory.log, goes_on=(lambda: True) if follow else None)
        return
    if not follow and _is_run_id(name) and log_files(directory.run(name).log):
        # Its database may be away: that is what somebody may want to read of.
        yield _Source(directory.run(name).log, name)
        return
    if not place.has_control:
        raise unknown_name(name, what="run")
    engine = place.databases.open_control()
    try:
        row = find_run(engine, place.identity(repository_name(ctx, place.repository)), name)
        followed = FollowedRun(engine, row, attempt=wanted.attempt)
        yield _Source(directory.run(row.run_id).log, row.run_id, row, followed.goes_on if follow else None)
    finally:
        engine.dispose()


def _is_run_id(name: str) -> bool:
    try:
        check_run_id(name)
    except RunIdError:
        return False
    return True


def _print(source: _Source, wanted: _Wanted, *, raw: bool) -> None:
    if source.goes_on is not None and not log_files(source.path):
        print_note(_waiting(source))
    printer = LinePrinter(raw=raw, of_one_run=source.run_id is not None)
    with closing(LogReader(source.path)) as reader:
        batches = _batches(reader, source.goes_on)
        there = _last(filter(wanted.takes, next(batches)), wanted.last)
        for line in there:
            printer.print(line)
        if source.goes_on is None and not printer.has_printed:
            print_note(_nothing(source))
        for batch in batches:
            for line in filter(wanted.takes, batch):
                printer.print(line)


def _print_document(source: _Source, wanted: _Wanted) -> None:
    with closing(LogReader(source.path)) as reader:
        there = _last(filter(wanted.takes, next(_batches(reader, None))), wanted.last)
        lines = [line.to_json() for line in there]
    print_json({"schema": SCHEMA, "run_id": source.run_id, "path": str(source.path), "lines": lines})


def _batches(reader: LogReader, goes_on: Callable[[], bool] | None) -> Iterator[Iterator[LogLine]]:
    """Yield the lines that are there, then again and again those that have come."""
    parser = LineParser()
    while True:
        # Asked before: what was written until the end is read, too.
        is_over = goes_on is None or not goes_on()
        found = reader.lines()
        yield map(parser.parse, chain(found, reader.torn_line()) if is_over else found)
        if is_over:
            return
        # A file that grows tells nobody, and a run that ends tells the database alone.
        time.sleep(_LOOK_SECONDS)


def _last(lines: Iterable[LogLine], number: int | None) -> Iterable[LogLine]:
    return lines if number is None else deque(lines, maxlen=number)


def _waiting(source: _Source) -> str:
    if source.row is None:
        return "no supervisor has worked here yet; waiting for one (Ctrl-C to stop)"
    return f"run {source.run_id} is {source.row.status} and has no log yet; waiting for it (Ctrl-C to stop)"


def _nothing(source: _Source) -> str:
    """Say why there is no line, and what to do."""
    if log_files(source.path):
        whose = "of the supervisors here" if source.run_id is None else f"of run {source.run_id}"
        return f"the log {whose} has no such line; all of it: supervisor logs {source.run_id or ''}".rstrip()
    row = source.row
    if row is None:
        return "no supervisor has worked here yet; supervisor --run-ids NAME executes a run"
    match row.status:
        case RunStatus.QUEUED:
            return f"run {row.run_id} waits for a worker and has no log yet; supervisor work executes what is queued"
        case RunStatus.RUNNING:
            return f"run {row.run_id} is executed by {row.claimed_by} and has no log here; it is on that machine"
        case _:
            told = f"run {row.run_id} has no log here: it was removed, or is on the machine that executed the run"
            return f"{told}; supervisor show {row.run_id} tells its history"
