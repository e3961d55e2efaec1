"""One statement at a time by the driver alone: for the claim, where SQLAlchemy costs more than the database.

Measured with 1,000 claims and one claimer: 0.1 ms of our processor for each, in place of 0.5.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPICursor

from supervisor.store.translation import translated


@contextmanager
def bare_cursor(engine: Engine) -> Iterator[DBAPICursor]:
    """Hand out a cursor of psycopg2; every statement is a transaction in itself.

    Raises:
        DatabaseError: As `engine.transaction`.
    """
    driver = engine.dialect.loaded_dbapi
    with translated(engine):
        try:
            pooled = engine.raw_connection()
        except driver.Error as error:
            raise sa.exc.OperationalError(None, None, error) from error
        try:
            pooled.driver_connection.autocommit = True  # type: ignore[union-attr]  # psycopg2 has it
            with closing(pooled.cursor()) as cursor:
                yield cursor
            pooled.driver_connection.autocommit = False  # type: ignore[union-attr]  # as above
        except driver.Error as error:
            lost = engine.dialect.is_disconnect(error, pooled, None)
            # Whatever state it is in, nobody gets it again.
            pooled.invalidate(error)
            passing = isinstance(error, (driver.OperationalError, driver.InterfaceError))
            kind = sa.exc.OperationalError if passing else sa.exc.DBAPIError
            raise kind(None, None, error, connection_invalidated=lost) from error
        finally:
            pooled.close()
