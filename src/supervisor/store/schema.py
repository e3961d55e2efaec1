"""Making and checking the tables: one process at a time, and never against a newer program's database."""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.errors import SurroundingsError
from supervisor.store.engine import shown_url, transaction
from supervisor.store.tables import SCHEMA_VERSION, control, results, schema_version


class SchemaError(SurroundingsError):
    """The database was written by a newer version of the program."""


def prepare_control(engine: Engine) -> None:
    """Make the control tables where they are missing.

    The transaction takes the write lock before it looks, so that starters side by side make them once.

    Raises:
        SchemaError: The database is newer than this program.
    """
    with transaction(engine) as connection:
        control.create_all(connection)
        version = connection.scalar(sa.select(schema_version.c.version))
        if version is None:
            connection.execute(sa.insert(schema_version).values(version=SCHEMA_VERSION))
        elif version > SCHEMA_VERSION:
            raise SchemaError(
                f"database {shown_url(str(engine.url))} has schema {version}, this program knows {SCHEMA_VERSION}",
                hint="upgrade the program, or choose another runs directory with --runs-dir",
            )


def prepare_results(engine: Engine) -> None:
    """Make the tables of documents and pages where they are missing."""
    with transaction(engine) as connection:
        results.create_all(connection)
