"""Where an executor begins: in a child of the fork server, which has imported this module and all that it needs.

An executor leads a process group of its own, reads nothing, prints into its log, and does not outlive its supervisor:
when that is gone it starts no page, and ends all that it has started within `ORPHAN_GRACE_SECONDS`. It notices by the
end of file on `parent_process().sentinel`; PR_SET_PDEATHSIG would speak of the fork server, which is the parent here.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing import connection as waiting
from multiprocessing.connection import Connection

from supervisor.clock import SystemClock
from supervisor.errors import SupervisorError
from supervisor.executor.attempt import Attempt
from supervisor.executor.environment import executor_environment
from supervisor.executor.messages import Finished, Message, Ready, Start, Stop, Stopped, receive, send
from supervisor.locks.descriptor import PassedDescriptor
from supervisor.locks.processes import adopt_orphans, kill_own_family
from supervisor.logs.lines import chosen_level
from supervisor.logs.standard import facts, log_to
from supervisor.model.states import RunStatus
from supervisor.room import lack_of_room
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.results import FencedOut

ORPHAN_GRACE_SECONDS = 10
log = logging.getLogger(__name__)


def execute(
    connection: Connection, run_lock: PassedDescriptor, lease: PassedDescriptor, output: PassedDescriptor
) -> None:
    """Be the executor of one attempt: receive the start message, perform it, say how it ended."""
    held = (run_lock.detach(), lease.detach())
    _stand_alone(output.detach())
    send(connection, Ready())
    start = receive(connection)
    if not isinstance(start, Start):
        raise TypeError(f"an executor begins with a start message, not {type(start).__name__}")
    # Whose lines these are, the supervisor adds, which reads them.
    log_to(sys.stderr.fileno(), chosen_level(os.environ))
    stop = threading.Event()
    threading.Thread(target=_listen, args=(connection, stop), name="listener", daemon=True).start()
    if not _say(connection, _perform(start, connection, stop, held)):
        # Nobody is there to end what our page processes may have left.
        kill_own_family()


def _perform(start: Start, connection: Connection, stop: threading.Event, held: tuple[int, ...]) -> Finished | Stopped:
    try:
        attempt = Attempt(start, send=lambda message: _say(connection, message), stop=stop, clock=SystemClock())
        outcome = attempt.perform(held)
    except FencedOut:
        log.warning("the run was claimed anew under a later term; nothing more is written")
        return Stopped()
    except (SupervisorError, OSError) as error:
        lack = lack_of_room(error)
        if lack is not None:
            log.warning("stopped: %s", lack.message)
            return Stopped(no_room=lack.message)
        # What a user can mend needs no traceback.
        trace = None if isinstance(error, SupervisorError) else error
        log.log(logging.ERROR, "the attempt cannot go on", extra=facts(error=str(error)), exc_info=trace)
        return Finished(RunStatus.FAILED, str(error), transient=isinstance(error, DatabaseUnavailable))
    return outcome


def _say(connection: Connection, message: Message) -> bool:
    """Send a message; return whether the supervisor can have heard it."""
    try:
        send(connection, message)
    except OSError:
        # What was stored is stored, and the listener has noticed, too.
        log.warning("the supervisor is gone")
        return False
    return True


def _stand_alone(output: int) -> None:
    os.setsid()
    # Whoever ends us finds what our page processes started, also when these are gone and it has left the group.
    adopt_orphans()
    # Also where the fork server was not started by us, but by a program that uses us as a library.
    cleaned = executor_environment(os.environ)
    os.environ.clear()
    os.environ.update(cleaned)
    # Ctrl-C is the supervisor's affair, which tells us; SIGTERM ends us at once, and the group with us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _listen(connection: Connection, stop: threading.Event) -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("an executor has a parent")
    while True:
        ready = waiting.wait([connection, parent.sentinel])
        try:
            if connection in ready and isinstance(receive(connection), Stop):
                log.info("told to stop: pages in flight are finished")
                stop.set()
                continue
        except (EOFError, OSError):
            log.warning("the supervisor is gone")
        stop.set()
        threading.Timer(ORPHAN_GRACE_SECONDS, kill_own_family).start()
        return
