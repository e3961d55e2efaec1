"""What came of pausing, cancelling and resuming what others execute: a line for each run."""

from collections.abc import Mapping, Sequence

import click

from supervisor.board.progress import counted
from supervisor.model.states import RunStatus
from supervisor.supervision.control.changes import Answer, Change, Effect


def print_answers(command: str, answers: Sequence[Answer]) -> None:
    """Print how everything stands that was named; of a session's runs those to which something was done."""
    for answer in answers:
        if answer.target.session is None:
            _print_runs(command, answer.changes)
            continue
        click.echo(f"{answer.target.describe()}: {answer.session}")
        touched = [change for change in answer.changes if change.effect is not Effect.ENDED]
        _print_runs(command, touched, indent="  ")
        ended = len(answer.changes) - len(touched)
        if ended:
            click.echo(f"  {counted(ended, 'run')} had ended before")
        failed = [change.row.run_id for change in answer.changes if change.row.status is RunStatus.FAILED]
        if failed and command == "resume":
            click.echo(f"To run again what failed: supervisor --run-ids {','.join(failed)}")


def answers_to_json(answers: Sequence[Answer]) -> list[Mapping[str, object]]:
    """Return what came of everything that was named, for `--json`."""
    return [_answer(answer) for answer in answers]


def _print_runs(command: str, changes: Sequence[Change], *, indent: str = "") -> None:
    width = max((len(change.row.run_id) for change in changes), default=0)
    for change in changes:
        click.echo(f"{indent}{change.row.run_id:<{width}}  {_words(command, change)}")


def _words(command: str, change: Change) -> str:
    match change.effect:
        case Effect.ENDED:
            again = f"; to run it again: supervisor --run-ids {change.row.run_id}" if command == "resume" else ""
            return f"{change.row.status} already: nothing to {command}{again}"
        case Effect.PAUSING:
            return f"pausing: {change.holder} finishes the pages in flight"
        case Effect.CANCELLING:
            return f"cancelling: {change.holder} ends it"
        case Effect.RESUMED if change.holder:
            return f"{change.effect if change.changed else 'goes on'} ({change.holder})"
        case _:
            return f"{change.effect}" if change.changed else f"{change.effect} already"


def _answer(answer: Answer) -> Mapping[str, object]:
    session = answer.target.session
    return {
        "name": answer.target.name,
        "session": session and {"id": session.id, "title": session.title, "status": answer.session},
        "runs": [_run(change) for change in answer.changes],
    }


def _run(change: Change) -> Mapping[str, object]:
    return {
        "run_id": change.row.run_id,
        "status": change.row.status,
        "effect": change.effect,
        "changed": change.changed,
        "holder": change.holder,
    }
