"""Changing one session on behalf of a program: found by its name, locked, changed, shown as it stands then."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from sqlalchemy.engine import Connection

from supervisor.clock import SystemClock
from supervisor.errors import UsageError
from supervisor.model.numbers import LARGEST_NUMBER
from supervisor.model.states import SessionStatus
from supervisor.model.titles import LONGEST_TITLE
from supervisor.store import naming, sessions
from supervisor.store.conflicts import retrying_conflicts
from supervisor.store.engine import transaction
from supervisor.store.kept import KeptEngine
from supervisor.store.moments import database_now
from supervisor.store.sessions import SessionRow
from supervisor.supervision.control.changes import Answer
from supervisor.supervision.control.followup import FollowUp
from supervisor.supervision.control.selection import Target, session_named, unknown_name
from supervisor.supervision.person import user_name
from supervisor.supervision.place import Place

T = TypeVar("T")
Command = Callable[..., Sequence[Answer]]
Step = Callable[[Connection, SessionRow, datetime], T]


class SessionStateError(UsageError):
    """A session is not in a state in which it could do what was asked."""


def refusal(session: SessionRow, why: str) -> SessionStateError:
    """Return the error for a session that is in the wrong state."""
    return SessionStateError(f"session {session.title!r} ({session.id}) is {session.status}; {why}")


def find(connection: Connection, session: SessionRow | str) -> SessionRow:
    """Return a session as it stands now.

    Raises:
        UsageError: There is none, or more than one.
    """
    return session_named(connection, None, _name(session))


def check_progress(done: int, total: int | None, note: str | None) -> None:
    """Refuse what cannot be how far something is: one database would keep what another would round.

    Raises:
        UsageError: It cannot.
    """
    most = LARGEST_NUMBER if total is None else total
    if {type(done), type(most)} != {int} or not 0 <= done <= most <= LARGEST_NUMBER:
        raise UsageError(
            f"progress of {done}{'' if total is None else f' of {total}'} is not possible",
            hint=f"whole numbers, 0 <= done <= total <= {LARGEST_NUMBER}",
        )
    if note is not None and len(note) > LONGEST_TITLE:
        raise UsageError(f"a note of {len(note):,} characters is too long", hint=f"at most {LONGEST_TITLE}")


@dataclass(frozen=True)
class SessionDesk:
    """Where sessions are.

    Attributes:
        repository_name: What the settings say that the repository is known by.
        note: Told, a line at a time, what a person should know.
        control: The control database, which is made where need be, and kept open.
    """

    place: Place
    repository_name: str | None
    note: Callable[[str], None]
    control: KeptEngine = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "control", KeptEngine(self.place.open_control))

    @property
    def has_sessions(self) -> bool:
        """Whether there may be some; looking for them makes no database."""
        return self.place.has_control

    @cached_property
    def repository(self) -> str:
        """What the repository is known by: git is asked once."""
        return self.place.identity(self.repository_name)

    def now(self, connection: Connection) -> datetime:
        """Return the time by the database's clock."""
        return database_now(connection, SystemClock())

    def change(self, session: SessionRow | str, step: Step[T]) -> T:
        """Take a step for a session that is kept from everybody else meanwhile, and return what it gives.

        Raises:
            UsageError: There is no such session; and what the step raises.
        """
        self._expect(session)
        engine = self.control.get()

        def change() -> T:
            with transaction(engine) as connection:
                found = find(connection, session)
                sessions.lock(connection, found.id)
                return step(connection, sessions.get(connection, found.id), self.now(connection))

        return retrying_conflicts()(change)

    def command(
        self, session: SessionRow | str, command: Command, possible: Collection[SessionStatus], why_not: str
    ) -> SessionRow:
        """Do what a command of `control` does to a session and its runs; see once to those whose holders are dead.

        Raises:
            UsageError: There is no such session, or it is in another state than is possible.
        """
        self._expect(session)
        with self.place.open_workshop(self.note) as shop:
            with transaction(shop.engine) as connection:
                found = find(connection, session)
                if found.status not in possible:
                    raise refusal(found, why_not)
                target = Target(found.id, found, naming.of_session(connection, found.id))
            follow = FollowUp(shop, self.repository, command(shop, [target], actor=user_name()))
            if follow.pending:
                follow.look()
            follow.tidy_up()
            with transaction(shop.engine) as connection:
                return sessions.get(connection, found.id)

    def _expect(self, session: SessionRow | str) -> None:
        if not self.has_sessions:
            raise unknown_name(_name(session), what="session")


def _name(session: SessionRow | str) -> str:
    return session.id if isinstance(session, SessionRow) else session
