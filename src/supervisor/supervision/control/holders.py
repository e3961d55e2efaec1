"""Finding out who has a run: the supervisor that executes it, or is there to do so."""

from datetime import datetime

from sqlalchemy.engine import Connection

from supervisor.artifacts.layout import RunsDirectory
from supervisor.model.lease import DEFAULT_LEASE_SECONDS, is_expired
from supervisor.model.states import RunStatus
from supervisor.store import supervisors
from supervisor.store.databases import Databases
from supervisor.store.runs import RunHead
from supervisor.store.supervisors import Heard
from supervisor.supervision.presence import may_be_alive


def living_holder(
    connection: Connection,
    directory: RunsDirectory,
    databases: Databases,
    row: RunHead,
    *,
    at: datetime,
    leases: float = 1,
) -> str | None:
    """Name a supervisor that lives, or may live, and executes the run or will do so.

    Args:
        connection: To the control database.
        directory: With `databases`, where those who live can be told from those who do not.
        databases: Those that they are on record in.
        row: The run.
        at: Now, by the database's clock.
        leases: How long the unseen holder of a running run has to be silent. One lease is enough to go on with a run:
            it stays with its holder until a rescuer has watched that for itself. What is superseded is taken at once.
    """
    candidates: list[Heard | None] = [supervisors.present(connection, row.served_by)] if row.served_by else []
    if row.status is RunStatus.QUEUED:
        candidates += supervisors.serving(connection, row.session_id, row.repository)
        leases = 1
    else:
        claimed_by = supervisors.of_worker(connection, row.claimed_by)
        if claimed_by is None and not is_expired(row.heartbeat_at, leases * DEFAULT_LEASE_SECONDS, at=at):
            return f"worker {row.claimed_by}"
        candidates.append(claimed_by)
    for heard in candidates:
        if heard is not None and may_be_alive(directory, databases, heard, at=at, leases=leases):
            return process_of(heard)
    return None


def process_of(heard: Heard) -> str:
    """Name a supervisor as people look for it."""
    return f"pid {heard.supervisor.pid} on {heard.supervisor.host}"


def claimant(connection: Connection, row: RunHead) -> str:
    """Name whoever has claimed a running run, whether or not that lives."""
    heard = supervisors.of_worker(connection, row.claimed_by)
    return f"worker {row.claimed_by}" if heard is None else process_of(heard)
