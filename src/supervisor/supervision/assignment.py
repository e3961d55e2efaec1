"""A claimed run on its way through one worker, from the claim until the run is settled."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.board.progress import RunProgress
from supervisor.executor.child import Executor
from supervisor.executor.messages import Finished, Stopped
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.runlock import RunLock
from supervisor.store.runs import RunRow


@dataclass(frozen=True)
class Settled:
    """What settling a run found out.

    Attributes:
        kept: Why its workspace was kept; None if it was removed.
    """

    kept: str | None


@dataclass
class Assignment:
    """One worker's run. The fields are filled in the order in which they stand.

    Attributes:
        row: The run as claimed; its lease term is the one that every change names.
        lock: Held, as the lease is, until the run is settled.
        provisioned: The workspace, once it is ready.
        executor: Started in it.
        outcome: What the executor said of its end.
        settling: Runs after the row has ended.
    """

    worker_id: str
    row: RunRow
    lock: RunLock
    lease: WorkspaceLease
    provisioned: Future[Path]
    progress: RunProgress
    executor: Executor | None = None
    outcome: Finished | Stopped | None = None
    settling: Future[Settled] | None = None
    page_counts: dict[str, int] = field(default_factory=dict)

    def release(self) -> None:
        """Close our copies of lease and lock, in this order: who sees the run lock free finds the workspace free."""
        self.lease.close()
        self.lock.close()
