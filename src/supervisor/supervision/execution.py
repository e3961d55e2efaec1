"""The time in which a supervisor executes runs."""

import os

from supervisor.executor.forkserver import fork_server
from supervisor.supervision.errand import Errand
from supervisor.supervision.leftovers import Tidier, settle_leftovers
from supervisor.supervision.loop import Loop
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.staff import Staff
from supervisor.supervision.workshop import Workshop


def execute(shop: Workshop, repository: str, errand: Errand, rescuer: Rescuer, staff: Staff) -> int | None:
    """Settle what others have left, then run the loop; return the number of the signal that ended it, if one did.

    Raises:
        LeaseLostError: A run was given to another supervisor, because this one was silent for too long.
    """
    with fork_server(os.environ):
        settle_leftovers(shop, repository)
        return Loop(shop, errand, rescuer, staff, tidier=Tidier(shop, repository)).run()
