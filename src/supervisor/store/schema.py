"""Making, migrating and checking the tables: one process at a time, and never against a newer program's database."""

import threading
from dataclasses import dataclass
from importlib import import_module

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.errors import SurroundingsError
from supervisor.store.engine import is_postgres, snapshot, transaction
from supervisor.store.parts import CACHE, CONTROL, RESULTS, Part
from supervisor.store.tables import SCHEMA
from supervisor.store.urls import shown_url

# Any number will do that nobody else takes for a lock in the same database.
_ADVISORY_LOCK = 0x0C2_5EED
# Alembic keeps the migration under way in module variables.
_migrating = threading.Lock()


class SchemaError(SurroundingsError):
    """The database was written by a newer version of the program, or by none."""


@dataclass(frozen=True)
class PartState:
    """How a part stands in a database.

    Attributes:
        revision: None if its tables are not there.
    """

    part: Part
    revision: str | None

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to do."""
        return self.revision == self.part.head


def prepare_control(engine: Engine) -> None:
    """Bring sessions, runs, workers and what belongs to them up to date.

    Raises:
        SchemaError: The database is newer than this program.
        DatabaseError: It cannot be reached or changed.
    """
    _prepare(engine, CONTROL)


def prepare_results(engine: Engine) -> None:
    """Bring documents and pages up to date.

    Raises:
        SchemaError: The database is newer than this program.
        DatabaseError: It cannot be reached or changed.
    """
    _prepare(engine, RESULTS)


def prepare_cache(engine: Engine) -> None:
    """Bring the pages that machines share up to date, in Postgres.

    Raises:
        SchemaError: The database is newer than this program.
        DatabaseError: It cannot be reached or changed.
    """
    _prepare(engine, CACHE)


def states(engine: Engine) -> list[PartState]:
    """Return how the parts stand that this kind of database can have; nothing is changed, and no writer waited for."""
    with snapshot(engine) as connection:
        parts = (CONTROL, RESULTS, CACHE) if is_postgres(connection) else (CONTROL, RESULTS)
        return [PartState(part, _revision(connection, part)) for part in parts]


def _prepare(engine: Engine, part: Part) -> None:
    with transaction(engine) as connection:
        # Without the lock, since it is what nearly every start finds.
        if _revision(connection, part) == part.head:
            return
    with _migrating, transaction(engine) as connection:
        if is_postgres(connection):
            # However long a migration takes, here or where it is waited for. It waits for tables no longer than others
            # do: whoever comes after it must wait for it, too.
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            connection.execute(sa.text("SET LOCAL lock_timeout TO DEFAULT"))
        revision = _revision(connection, part)
        if revision is not None and revision > part.head:
            raise SchemaError(
                f"database {shown_url(engine.url)} has {part.name} tables of revision {revision}, "
                f"this program knows {part.head}",
                hint="upgrade the program, or choose another database",
            )
        if revision is None and sa.inspect(connection).has_table(part.table, _schema(connection)):
            raise SchemaError(
                f"database {shown_url(engine.url)} has {part.name} tables that no released version has made",
                hint="choose another database or runs directory, or move this one away",
            )
        if revision != part.head:
            # Loaded only now: alembic costs more than every start that finds its tables.
            import_module("supervisor.store.migrate").upgrade(connection, part)


def _revision(connection: Connection, part: Part) -> str | None:
    schema = _schema(connection)
    if not sa.inspect(connection).has_table(part.version_table, schema):
        return None
    revision: str | None = connection.scalar(
        sa.select(sa.column("version_num", sa.Text)).select_from(sa.table(part.version_table, schema=schema))
    )
    return revision


def _schema(connection: Connection) -> str | None:
    return SCHEMA if is_postgres(connection) else None
