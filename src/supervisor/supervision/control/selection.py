"""Finding what a person names."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection, Engine

from supervisor.errors import UsageError
from supervisor.model.near import near_hint
from supervisor.model.paths import printable
from supervisor.model.states import ACTIVE, ENDED_SESSIONS
from supervisor.store import naming, runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.runs import RunHead
from supervisor.store.sessions import SessionRow

_LISTED = 5


def find_session(engine: Engine, name: str) -> SessionRow:
    """Return the session with an id, the beginning of one, or a title.

    Of several, those that have ended are not meant, unless all have: titles come again.

    Raises:
        UsageError: There is none, or more than one.
    """
    with transaction(engine) as connection:
        return session_named(connection, name)


def session_named(connection: Connection, name: str) -> SessionRow:
    """Return the session that `find_session` finds.

    Raises:
        UsageError: There is none, or more than one.
    """
    found = sessions.named(connection, name)
    meant = (
        [session for session in found if session.id == name]
        or [session for session in found if session.status not in ENDED_SESSIONS]
        or found
    )
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise unknown_session(name)
    shown = ", ".join(f"{session.id} ({session.title})" for session in meant[:5])
    raise UsageError(f"{name!r} could be {len(meant)} sessions: {shown}", hint="name more of its id")


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
        return self.rows[0].status not in ACTIVE if self.session is None else self.session.status in ENDED_SESSIONS

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

    A run is named by its id, a session by its id or title; both also by a beginning of the id, where nothing has that
    name as a whole. `run:NAME` and `session:NAME` say which of the two is meant. What has not ended goes before what
    has.

    Raises:
        UsageError: A name stands for nothing, or for several things between which it makes a difference.
    """
    return [_resolve(connection, repository, name) for name in names]


def _resolve(connection: Connection, repository: str, name: str) -> Target:
    kind, separator, rest = name.partition(":")
    of_kind = kind if separator and kind in {"run", "session"} else None
    text = rest if of_kind else name
    if not text:
        raise UsageError("a name is empty", hint="name a run or a session, as in letters or session:NAME")
    whole, begun = _runs(connection, repository, name, text) if of_kind != "session" else ([], [])
    if of_kind != "run":
        whole_sessions, begun_sessions = _sessions(connection, repository, name, text)
        whole, begun = whole + whole_sessions, begun + begun_sessions
    found = whole or begun
    if not found:
        raise unknown_name(text, _known(connection, repository, of_kind), what=of_kind or "run or session")
    meant = [target for target in found if not target.is_over] or whole[:1] or begun
    if len({target.unfinished or target.exact_name for target in meant}) > 1:
        shown = [target.describe() for target in meant]
        last = f"{len(shown) - _LISTED + 1} more" if len(shown) > _LISTED else shown[-1]
        raise UsageError(
            f"{name!r} could be {', '.join(shown[: _LISTED - 1][: len(shown) - 1])} or {last}",
            hint=f"name more of it, or say which, as in {meant[0].exact_name}",
        )
    return meant[0]


def _runs(connection: Connection, repository: str, name: str, text: str) -> tuple[list[Target], list[Target]]:
    """Return the run with an id, and those whose ids begin so."""
    begun = [run_id for run_id in runs.run_ids(connection, repository) if run_id.startswith(text)]
    targets = [Target(name, None, [row]) for row in naming.newest(connection, repository, begun)]
    return [one for one in targets if one.rows[0].run_id == text], targets


def _sessions(connection: Connection, repository: str, name: str, text: str) -> tuple[list[Target], list[Target]]:
    """Return the session with an id, else those with a title; and those whose ids begin so."""
    found = naming.sessions_named(connection, repository, text)
    targets = [Target(name, session, naming.of_session(connection, session.id)) for session in found]
    by_id = [one for one, session in zip(targets, found, strict=True) if session.id == text]
    by_title = [one for one, session in zip(targets, found, strict=True) if session.title == text]
    return by_id or by_title, targets


def unknown_session(name: str) -> UsageError:
    """Return the error for a session that is not there."""
    return UsageError(f"there is no session {name!r}", hint="name its id, the beginning of it, or its title")


def unknown_name(name: str, known: Sequence[str] = (), *, what: str = "run or session") -> UsageError:
    """Return the error for a name that stands for nothing, with those that may be meant."""
    return UsageError(f"there is no {what} {name!r} here", hint=near_hint(name, known, none="none was ever made here"))


def _known(connection: Connection, repository: str, of_kind: str | None) -> list[str]:
    run_ids = [] if of_kind == "session" else runs.run_ids(connection, repository)
    titles = [] if of_kind == "run" else naming.titles(connection, repository)
    return list(dict.fromkeys([*run_ids, *titles]))
