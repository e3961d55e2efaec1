"""`supervisor pause` and `supervisor cancel`: what others execute, from any terminal."""

import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import click

from supervisor.board.progress import counted
from supervisor.cli.names import all_names
from supervisor.cli.options import Location, located, typed_location
from supervisor.cli.output import is_terminal, print_json, print_note
from supervisor.cli.reports.control import answers_to_json, print_answers
from supervisor.cli.settings import repository_name
from supervisor.dashboard.terminal import StandardError
from supervisor.errors import HeldError, SupervisorError
from supervisor.model.states import ACTIVE
from supervisor.store.engine import transaction
from supervisor.supervision.control import changes
from supervisor.supervision.control.changes import PENDING, Answer, Change
from supervisor.supervision.control.followup import LONGEST_SECONDS, FollowUp
from supervisor.supervision.control.selection import Target, resolve, unknown_name
from supervisor.supervision.person import user_name
from supervisor.supervision.place import Place
from supervisor.supervision.workshop import Workshop

SCHEMA = "supervisor.control/1"
LOOK_SECONDS = 0.2

names_argument = click.argument("names", metavar="RUN|SESSION...", nargs=-1, required=True, shell_complete=all_names)
no_wait_option = click.option("--no-wait", is_flag=True, help="Return at once, while holders of runs see to it.")


class NotConfirmedError(SupervisorError):
    """A person was asked, and said no."""

    exit_code = 1


@click.command()
@names_argument
@no_wait_option
@located
@click.pass_context
def pause(ctx: click.Context, /, *, where: Location, names: tuple[str, ...], no_wait: bool) -> int:
    """Let runs rest, or all runs of a session, until 'supervisor resume'.

    Pages in flight are finished, and none that is stored is recognised again. A run is named by its id, a session by
    its id or title; the beginning of one is enough, and run:NAME or session:NAME says which of the two is meant.

    \b
      supervisor pause letters
      supervisor pause "Night of 21 November"
      supervisor pause session:b28e run:books
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    with _desk(ctx, where, names) as desk:
        answers = _follow(desk, changes.pause(desk.shop, desk.targets, actor=user_name()), wait=not no_wait)
    code = _report("pause", where, answers, waited=not no_wait)
    if not where.as_json and any(answer.was_possible for answer in answers):
        words = [answer.target.name for answer in answers if answer.was_possible]
        # A title may look like an option.
        end_of_options = ["--"] if any(word.startswith("-") for word in words) else []
        line = ["supervisor", "resume", *typed_location(ctx), *end_of_options, *words]
        click.echo(f"To go on: {shlex.join(line)}")
    return code


@click.command()
@names_argument
@click.option("--force", "-f", is_flag=True, help="Do not ask.")
@no_wait_option
@located
@click.pass_context
def cancel(ctx: click.Context, /, *, where: Location, names: tuple[str, ...], force: bool, no_wait: bool) -> int:
    """End runs, or all runs of a session, before their time; what they have recognised so far is kept.

    On a terminal it asks first, unless --force is given; scripts are not asked. It returns when everything that the
    runs have started is gone. Their supervisors give that --cancel-grace to end by itself; after 15 s the command
    waits no longer (exit 3), and what was asked for stands.

    \b
      supervisor cancel letters
      supervisor cancel --force "Night of 21 November"
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    with _desk(ctx, where, names) as desk:
        if not force and sys.stdin.isatty():
            _ask(desk.targets)
        answers = _follow(desk, changes.cancel(desk.shop, desk.targets, actor=user_name()), wait=not no_wait)
    return _report("cancel", where, answers, waited=not no_wait)


@dataclass(frozen=True)
class _Desk:
    """What was named, and where."""

    shop: Workshop
    repository: str
    targets: Sequence[Target]


@contextmanager
def _desk(ctx: click.Context, where: Location, names: Sequence[str]) -> Iterator[_Desk]:
    """Find everything that was named, before anything is changed."""
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    if not place.has_control:
        raise unknown_name(names[0])
    repository = place.identity(repository_name(ctx, place.repository))
    with place.open_workshop(print_note) as shop:
        with transaction(shop.engine) as connection:
            targets = resolve(connection, repository, names)
        yield _Desk(shop, repository, targets)


def _ask(targets: Sequence[Target]) -> None:
    """Have a person confirm what is about to be ended.

    Raises:
        NotConfirmedError: It is not to be.
    """
    rows = {row.id: row for target in targets for row in target.rows if row.status in ACTIVE}
    if not rows:
        return
    width = max(len(row.run_id) for row in rows.values())
    for row in rows.values():
        print_note(f"  {row.run_id:<{width}}  {row.status}")
    them = "it" if len(rows) == 1 else f"these {counted(len(rows), 'run')}"
    if not click.confirm(f"Cancel {them}?", err=True):
        raise NotConfirmedError("nothing was cancelled")


def _follow(desk: _Desk, answers: Sequence[Answer], *, wait: bool) -> Sequence[Answer]:
    """Look after what is pending, until nothing is, or for so long that somebody does not answer."""
    follow = FollowUp(desk.shop, desk.repository, answers)
    deadline = time.monotonic() + LONGEST_SECONDS if wait else 0
    try:
        with _shown(follow.pending):
            # Once in any case: what the dead have left is seen to here.
            while follow.pending:
                follow.look()
                if not follow.pending or time.monotonic() >= deadline:
                    break
                # The holder may be anywhere, and no database tells what changes in it.
                time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        print_note("no longer waiting; what was asked for stands")
        raise
    follow.tidy_up()
    return follow.answers


def _shown(pending: Sequence[Change]) -> AbstractContextManager[object]:
    """Show on a terminal that something is waited for."""
    if not pending or not is_terminal():
        return nullcontext()
    holders = ", ".join(sorted({change.holder for change in pending if change.holder}))
    return StandardError().status(f"{pending[0].effect} {counted(len(pending), 'run')}: waiting for {holders}")


def _report(command: str, where: Location, answers: Sequence[Answer], *, waited: bool) -> int:
    """Print what came of it; return the exit code."""
    late = [one for answer in answers for one in answer.changes if one.effect in PENDING] if waited else []
    code = HeldError.exit_code if late else 0 if all(answer.was_possible for answer in answers) else 1
    if where.as_json:
        document = {"schema": SCHEMA, "command": command, "answers": answers_to_json(answers), "exit_code": code}
        print_json(document)
    else:
        print_answers(command, answers)
    for change in late:
        run_id = change.row.run_id
        print_note(
            f"supervisor: run {run_id!r} is still executing after {LONGEST_SECONDS:.0f} s: {change.holder} was asked, "
            f"and is not done yet (wait, or end it by force: supervisor locks release {run_id} --force)"
        )
    return code
