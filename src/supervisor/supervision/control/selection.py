"""Finding what a person names."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from sqlalchemy.engine import Connection, Engine

from supervisor.errors import UsageError
from supervisor.model.near import near_hint
from supervisor.model.paths import printable
from supervisor.model.states import ACTIVE, ENDED_SESSIONS
from supervisor.store import naming, runs
from supervisor.store.engine import snapshot
from supervisor.store.runs import RunHead
from supervisor.store.sessions import SessionRow

T = TypeVar("T")

_LISTED = 5


@dataclass(frozen=True)
class Target:
    """What a name stands for: a run, or a session with all its runs.

    Attributes:
        name: As it was typed.
        session: None for a run.
        rows: The run's newest row, which is the active one if there is one; all rows of the session.
    """

    name: str
    session: SessionRow | None
    rows: Sequence[RunHead]

    @property
    def unfinished(self) -> frozenset[int]:
        """The rows that have not ended."""
        return frozenset(row.id for row in self.rows if row.status in ACTIVE)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it goes on, or may go on."""
        return self.rows[0].status not in ACTIVE if self.session is None else _is_over(self.session)

    @property
    def exact_name(self) -> str:
        """A name that stands for this alone."""
        return f"run:{self.rows[0].run_id}" if self.session is None else f"session:{self.session.id}"

    def describe(self) -> str:
        """Return what it is, for people."""
        if self.session is None:
            return f"run {self.rows[0].run_id}"
        return f"session {self.session.id} ({printable(self.session.title)})"


def resolve(connection: Connection, repository: str, names: Sequence[str]) -> list[Target]:
    """Return what each of some names stands for, in a repository.

    A run is named by its id, a session by its id or title; both also by the beginning of one of these, where nothing
    has that name as a whole. `run:NAME` and `session:NAME` say which of the two is meant. What has not ended goes
    before what has; of sessions with the same title that have ended, the newest.

    Raises:
        UsageError: A name stands for nothing, or for several things between which it makes a difference.
    """
    return [_resolve(connection, repository, name, _parsed(name)) for name in names]


def find_run(engine: Engine, repository: str, name: str) -> RunHead:
    """Return the newest row of the run that a name stands for.

    Raises:
        UsageError: There is none, or more than one.
    """
    with snapshot(engine) as connection:
        return _resolve(connection, repository, name, _parsed(name, "run")).rows[0]


def find_session(engine: Engine, repository: str | None, name: str) -> SessionRow:
    """Return the session that a name stands for; see `session_named`."""
    with snapshot(engine) as connection:
        return session_named(connection, repository, name)


def session_named(connection: Connection, repository: str | None, name: str) -> SessionRow:
    """Return the session that a name stands for.

    Args:
        connection: To the control database.
        repository: Whose runs it has, unless it has none; None for any.
        name: As it was typed.

    Raises:
        UsageError: There is none, or more than one.
    """
    text = _parsed(name, "session").text
    whole, begun = _sessions(connection, repository, text)
    if not begun:
        raise _unknown(connection, repository, "session", text)
    meant = _meant(whole, begun, _is_over)
    if len(meant) > 1:
        raise _ambiguous(name, [Target(name, session, ()) for session in meant])
    return meant[0]


def unknown_name(name: str, known: Sequence[str] = (), *, what: str = "run or session") -> UsageError:
    """Return the error for a name that stands for nothing, with those that may be meant."""
    return UsageError(f"there is no {what} {name!r} here", hint=near_hint(name, known, none="none was ever made here"))


class _Name(NamedTuple):
    """A name that was typed: `kind` is run or session if it says so, or nothing else was asked for."""

    kind: str | None
    text: str


def _parsed(name: str, kind: str | None = None) -> _Name:
    said, separator, rest = name.partition(":")
    parsed = _Name(said, rest) if separator and said in ({kind} if kind else {"run", "session"}) else _Name(kind, name)
    if not parsed.text:
        raise UsageError("a name is empty", hint="name a run or a session, as in letters or session:NAME")
    return parsed


def _resolve(connection: Connection, repository: str, name: str, parsed: _Name) -> Target:
    kind, text = parsed
    whole: list[Target] = []
    begun: list[Target] = []
    if kind != "session":
        begun = [Target(name, None, [row]) for row in _runs(connection, repository, text)]
        whole = [target for target in begun if target.rows[0].run_id == text]
    if kind != "run":
        for targets, found in zip((whole, begun), _sessions(connection, repository, text), strict=True):
            targets += [Target(name, session, ()) for session in found]
    if not begun:
        raise _unknown(connection, repository, kind, text)
    meant = [
        target if target.session is None else replace(target, rows=naming.of_session(connection, target.session.id))
        for target in _meant(whole, begun, lambda target: target.is_over)
    ]
    if len({target.unfinished or target.exact_name for target in meant}) > 1:
        raise _ambiguous(name, meant)
    return meant[0]


def _meant(whole: Sequence[T], begun: Sequence[T], is_over: Callable[[T], bool]) -> Sequence[T]:
    """Return those that a name may stand for, of those that have it as a whole, and those that begin with it."""
    return [one for one in whole or begun if not is_over(one)] or whole[:1] or begun


def _runs(connection: Connection, repository: str, text: str) -> list[RunHead]:
    """Return the newest rows of the runs whose ids are, or begin with, a text."""
    begun = [run_id for run_id in runs.run_ids(connection, repository) if run_id.startswith(text)]
    return sorted(naming.newest(connection, repository, begun), key=lambda run: run.run_id)


def _sessions(
    connection: Connection, repository: str | None, text: str
) -> tuple[Sequence[SessionRow], Sequence[SessionRow]]:
    """Return the session with an id, else those with a title; and all whose id or title begins so."""
    found = naming.sessions_named(connection, repository, text)
    by_id = [session for session in found if session.id == text]
    return by_id or [session for session in found if session.title == text], found


def _is_over(session: SessionRow) -> bool:
    return session.status in ENDED_SESSIONS


def _ambiguous(name: str, meant: Sequence[Target]) -> UsageError:
    shown = [target.describe() for target in meant]
    last = f"{len(shown) - _LISTED + 1} more" if len(shown) > _LISTED else shown[-1]
    return UsageError(
        f"{name!r} could be {', '.join(shown[: _LISTED - 1][: len(shown) - 1])} or {last}",
        hint=f"name more of it, or say which, as in {meant[0].exact_name}",
    )


def _unknown(connection: Connection, repository: str | None, kind: str | None, text: str) -> UsageError:
    """Return the error for a name that stands for nothing of its kind."""
    run_ids = [] if repository is None else runs.run_ids(connection, repository)
    if kind == "run" and naming.sessions_named(connection, repository, text):
        return UsageError(f"there is no run {text!r} here", hint=f"that is a session: {_line('status', text)}")
    if kind == "session" and text in run_ids:
        return UsageError(f"there is no session {text!r} here", hint=f"that is a run: {_line('show', text)}")
    titles = naming.titles(connection, repository)
    known = {"run": run_ids, "session": titles}.get(kind or "", [*run_ids, *titles])
    return unknown_name(text, list(dict.fromkeys(known)), what=kind or "run or session")


def _line(command: str, name: str) -> str:
    return shlex.join(["supervisor", command, *(["--"] if name.startswith("-") else []), name])
