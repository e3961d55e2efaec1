"""What time it is, by the clock that decides."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.clock import Clock
from supervisor.store.engine import is_postgres
from supervisor.store.tables import UtcDateTime


def database_now(connection: Connection, clock: Clock) -> datetime:
    """Return the time by the database's clock: the server's, or ours where the database is a file on our machine.

    Not the time at which the transaction began, which may have waited for a lock since.
    """
    if not is_postgres(connection):
        return clock.now()
    now: datetime = connection.execute(sa.select(sa.func.clock_timestamp(type_=UtcDateTime))).scalar_one()
    return now
