"""Telling who is there for the runs of a session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.store import supervisors
from supervisor.store.databases import Databases
from supervisor.store.engine import snapshot
from supervisor.store.supervisors import SupervisorRow
from supervisor.supervision.presence import may_be_alive, stands_still


@dataclass(frozen=True)
class Attendance:
    """Who is there.

    Attributes:
        is_served: Whether somebody lives, or could live where that cannot be seen, who takes runs of the session.
        stopped: Those of them who live on this host and do nothing, because they were stopped.
    """

    is_served: bool
    stopped: Sequence[SupervisorRow]


def attendance(
    engine: Engine,
    directory: RunsDirectory,
    databases: Databases,
    repository: str,
    session_id: str | None,
    *,
    at: datetime,
) -> Attendance:
    """Find out who is there for the runs of a session; None is any session.

    Raises:
        DatabaseError: The database cannot be read.
    """
    with snapshot(engine) as connection:
        heard = supervisors.serving(connection, session_id, repository)
    living = [one for one in heard if may_be_alive(directory, databases, one, at=at)]
    return Attendance(
        is_served=bool(living), stopped=[one.supervisor for one in living if stands_still(one.supervisor)]
    )
