"""Seeing how the tables of the control database stand, and bringing them up to date."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from supervisor.store.engine import open_engine
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.parts import CACHE, CONTROL, RESULTS
from supervisor.store.schema import PartState, states
from supervisor.store.urls import shown_url
from supervisor.supervision.place import Place


class Condition(StrEnum):
    """How tables stand against this program."""

    CURRENT = "current"
    MISSING = "missing"
    OLD = "old"
    NEW = "new"


@dataclass(frozen=True)
class Tables:
    """Tables that are made together.

    Attributes:
        revision: That of the database; None without tables.
        head: The newest that this program knows.
    """

    name: str
    revision: str | None
    head: str

    @property
    def condition(self) -> Condition:
        """How they stand."""
        match self.revision:
            case None:
                return Condition.MISSING
            case self.head:
                return Condition.CURRENT
            case revision:
                return Condition.NEW if revision > self.head else Condition.OLD


@dataclass(frozen=True)
class DatabaseView:
    """A control database.

    Attributes:
        url: Without a password.
        parts: Those of which it has the tables, or should have.
    """

    url: str
    parts: Sequence[Tables]

    @property
    def worst(self) -> Condition:
        """How it stands on the whole."""
        order = [Condition.NEW, Condition.OLD, Condition.MISSING, Condition.CURRENT]
        return min((part.condition for part in self.parts), key=order.index)


def look(place: Place) -> DatabaseView:
    """Look at the tables, without making or changing anything.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    databases = place.databases
    revisions = {one.part: one.revision for one in _states(place)} if place.has_control else {}
    # Where results are beside the control database, that of a run is brought up to date when it is opened.
    parts = [CONTROL, *([RESULTS] if databases.shared else []), *([] if databases.is_sqlite else [CACHE])]
    tables = [Tables(part.name, revisions.get(part), part.head) for part in parts]
    return DatabaseView(shown_url(databases.control_url), tables)


def upgrade(place: Place) -> DatabaseView:
    """Make the tables, or bring them up to date.

    Raises:
        UsageError: The runs directory, where the database would be, cannot be used.
        SchemaError: The database is newer than this program.
        DatabaseError: It cannot be reached or changed.
    """
    place.open_control().dispose()
    return look(place)


def _states(place: Place) -> list[PartState]:
    engine = open_engine(place.databases.control_url)
    try:
        return states(engine)
    except DatabaseUnavailable as error:
        raise type(error)(error.message, hint="start its server, or name another with --database-url") from error
    finally:
        engine.dispose()
