"""A claimed run on its way through one worker, from the claim until the run is settled."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.board.progress import RunProgress
from supervisor.errors import NoRoomError
from supervisor.executor.child import Executor
from supervisor.executor.messages import Finished, Stopped, Used
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.runlock import RunLock
from supervisor.model.intents import Intent
from supervisor.model.states import RunStatus
from supervisor.store.runs import RunRow


@dataclass(frozen=True)
class Settled:
    """What settling a run found out.

    Attributes:
        kept: Why its workspace was kept; None if it was removed.
    """

    kept: str | None


@dataclass(frozen=True)
class Ending:
    """How an attempt has ended, and what follows from it for its run.

    Attributes:
        event: What the history calls it, unless the run is tried again.
        reason: Why, for people.
        transient: Whether the reason can pass by itself, so that trying again makes sense.
        delay_seconds: How long a run that goes back to the queue rests there.
        worker_failed: Whether it was the worker, not the run, that something is the matter with.
        no_room: What had no room, if it ended for that; the supervisor is to stop, too.
    """

    status: RunStatus
    event: str
    reason: str | None = None
    transient: bool = False
    delay_seconds: float = 0
    worker_failed: bool = False
    no_room: NoRoomError | None = None


@dataclass
class Assignment:
    """One worker's run. The fields are filled in the order in which they stand.

    Attributes:
        row: The run as claimed; its lease term is the one that every change names.
        lock: Held, as the lease is, until the run is settled.
        provisioned: The workspace, once it is ready.
        executor: Started in it.
        deadline: When its time is over, on the monotonic clock; None if it has no limit.
        intent: What is wanted of it, by people, and is being seen to.
        stop_by: When an executor that was told to stop is killed, on the monotonic clock.
        kill_by: When, at the latest, an executor that is being ended is killed.
        killings: At work on that, in threads; the executor is not reaped before they are done.
        used: What the executor said last of what it needs.
        outcome: What the executor said of its end.
        ending: What its end means for the run; there as soon as nothing executes any more.
        lost: Whether the run is another's, and nothing of it may be changed.
        settling: Runs after that.
    """

    worker_id: str
    row: RunRow
    lock: RunLock
    lease: WorkspaceLease
    provisioned: Future[Path]
    progress: RunProgress
    executor: Executor | None = None
    deadline: float | None = None
    intent: Intent | None = None
    stop_by: float | None = None
    kill_by: float | None = None
    killings: list[Future[None]] = field(default_factory=list)
    used: Used | None = None
    outcome: Finished | Stopped | None = None
    ending: Ending | None = None
    lost: bool = False
    settling: Future[Settled] | None = None

    @property
    def is_provisioned(self) -> bool:
        """Whether it waits for its executor to be started, or for something to be done about what went wrong."""
        return self.is_to_start and self.provisioned.done()

    @property
    def is_to_start(self) -> bool:
        """Whether its executor is still to be started: its workspace is being made, or has just been."""
        return self.executor is None and self._goes_on

    @property
    def is_executing(self) -> bool:
        """Whether it has an executor that has not been reaped."""
        return self.executor is not None and self._goes_on

    @property
    def _goes_on(self) -> bool:
        return self.ending is None and self.settling is None

    def release(self) -> bool:
        """Close our copies of lease and lock, in this order: who sees the run lock free finds the workspace free.

        Returns:
            Whether nothing is left that has a copy. The lease proves it: nobody else takes it before the run lock.
        """
        is_free = self.lease.close()
        self.lock.close()
        return is_free
