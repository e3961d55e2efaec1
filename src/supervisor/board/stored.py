"""Reading what a run has stored, wherever that is."""

from collections.abc import Callable
from typing import TypeVar

from supervisor.model.states import RunStatus
from supervisor.store.databases import Databases
from supervisor.store.errors import DatabaseError, DatabaseUnavailable
from supervisor.store.results import ResultStore
from supervisor.store.runs import RunHead

T = TypeVar("T")


def from_results(databases: Databases, row: RunHead, look: Callable[[ResultStore], T], *, nothing: T) -> T:
    """Return what somebody finds who looks into the results of a run; `nothing` if it has not come so far.

    Raises:
        DatabaseUnavailable: What the run stored can be read in a moment.
        DatabaseError: The database cannot be read, and it is not that which the run failed of.
    """
    if not databases.has_results(row.run_id):
        return nothing
    try:
        store = databases.open_results(row.run_id)
        try:
            return look(store)
        finally:
            store.close()
    except DatabaseUnavailable:
        raise
    except DatabaseError:
        if row.status is not RunStatus.FAILED:
            raise
        return nothing
