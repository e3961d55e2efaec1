"""Running alembic's migrations in a transaction that is open already."""

import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from supervisor.store.engine import is_postgres
from supervisor.store.parts import Part
from supervisor.store.tables import SCHEMA

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(connection: Connection, part: Part) -> None:
    """Bring a part up to date; the caller holds the lock, and commits."""
    if is_postgres(connection) and not sa.inspect(connection).has_schema(SCHEMA):
        connection.execute(sa.schema.CreateSchema(SCHEMA))
    command.upgrade(_config(connection, part), part.head)


def _config(connection: Connection, part: Part) -> Config:
    # Alembic prints nothing here; what it would print to, it is given at import.
    config = Config(stdout=sys.stderr)
    config.set_main_option("script_location", _escaped(_MIGRATIONS))
    config.set_main_option("version_locations", _escaped(_MIGRATIONS / part.name))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    config.attributes["part"] = part
    return config


def _escaped(path: Path) -> str:
    """Return a path as a configuration file has it, where percent signs have a meaning."""
    return str(path).replace("%", "%%")
