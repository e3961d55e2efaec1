"""The workers of a supervisor: who is idle, who is busy with what, and how many there should be."""

from collections.abc import Sequence

from supervisor.board.progress import counted
from supervisor.errors import SupervisorError
from supervisor.model.numbers import MAX_WORKERS
from supervisor.store import supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.workshop import Workshop

TERM_GRACE_SECONDS = 1.0


class Staff:
    """The workers of one supervisor.

    Attributes:
        busy: What those who are not idle are at.
    """

    def __init__(self, shop: Workshop, scope: Scope, worker_ids: Sequence[str]) -> None:
        """Take them over as they were registered.

        Args:
            shop: What the steps of the loop share.
            scope: What they are there for.
            worker_ids: Their names.
        """
        self.busy: list[Assignment] = []
        self._shop = shop
        self._scope = scope
        self._idle = list(worker_ids)
        self._numbered = len(worker_ids)
        self._desired = len(worker_ids)

    @property
    def next_idle(self) -> str | None:
        """The worker that takes the next run; None while as many are busy as there should be."""
        return self._idle[0] if self._idle and len(self.busy) < self._desired else None

    @property
    def executing(self) -> list[Assignment]:
        """Those whose executors have not been reaped: runs that are ending have no process any more."""
        return [one for one in self.busy if one.is_executing]

    def take_on(self, assignment: Assignment) -> None:
        """Let a worker be busy."""
        self._idle.remove(assignment.worker_id)
        self.busy.append(assignment)

    def free(self, assignment: Assignment) -> None:
        """Let a worker be idle again."""
        self.busy.remove(assignment)
        self._idle.append(assignment.worker_id)

    def scale(self, desired: int) -> None:
        """Have so many workers: add what is missing, take away idle ones; busy ones when they are idle.

        Raises:
            DatabaseUnavailable: The next call tries again.
        """
        shop = self._shop
        alone = shop.databases.shared and shop.databases.is_sqlite
        desired = max(1, min(desired, 1 if alone else MAX_WORKERS))
        if desired != self._desired:
            shop.tell(f"{counted(desired, 'worker')} from now on, {self._desired} before")
            self._desired = desired
        surplus = len(self._idle) + len(self.busy) - desired
        if surplus < 0:
            self._add(-surplus)
        elif surplus and self._idle:
            self._take_away(self._idle[-surplus:])

    def end_executors(self) -> None:
        """End what executes, now, and wait for it; from any thread."""
        for assignment in self.executing:
            if assignment.executor is None:
                continue
            try:
                assignment.executor.kill(grace_seconds=TERM_GRACE_SECONDS)
            except (SupervisorError, OSError) as error:
                self._shop.warn(f"executor {assignment.executor.pid}: {error}", of=assignment.row)

    def _add(self, number: int) -> None:
        shop = self._shop
        first = self._numbered + 1
        added = [f"{shop.me.id}-{one}" for one in range(first, first + number)]
        with transaction(shop.engine) as connection:
            supervisors.add_workers(connection, shop.me.id, added, self._scope, at=shop.now(connection))
        self._numbered += number
        self._idle += added

    def _take_away(self, workers: list[str]) -> None:
        with transaction(self._shop.engine) as connection:
            gone = supervisors.end_workers(connection, workers, at=self._shop.now(connection))
        self._idle = [one for one in self._idle if one not in gone]
