"""The loop: what has ended is reaped, what is ready is started, idle workers claim; until nothing is left to do.

All changes of state happen here, in one thread. What takes long and changes no state (checking out, tidying up) runs in
threads beside it, and rings when it is done.
"""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import connection as waiting
from typing import Any

from supervisor.board.progress import RunProgress
from supervisor.errors import SupervisorError
from supervisor.executor.child import Executor
from supervisor.model.states import RunStatus
from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.claim import claim
from supervisor.supervision.listen import take_in
from supervisor.supervision.provision import provision
from supervisor.supervision.reap import end_in_trouble, reap, requeue
from supervisor.supervision.settle import settle
from supervisor.supervision.start import start
from supervisor.supervision.wakeup import Wakeup
from supervisor.supervision.workshop import Workshop

STOP_GRACE_SECONDS = 10.0
TERM_GRACE_SECONDS = 1.0
TICK_SECONDS = 1.0


class Loop:
    """Executes some rows of `runs` with a fixed set of workers."""

    def __init__(self, shop: Workshop, rows: Sequence[RunProgress], ids: Sequence[int], workers: Sequence[str]) -> None:
        self._shop = shop
        self._progress = dict(zip(ids, rows, strict=True))
        self._idle = list(workers)
        self._busy: list[Assignment] = []
        self._wakeup = Wakeup()
        self._threads = ThreadPoolExecutor(max_workers=len(workers), thread_name_prefix="workspace")
        self._stop_deadline: float | None = None

    def run(self) -> int | None:
        """Go on until every row has ended, or a signal came; return the signal's number, if one did."""
        with self._wakeup.watching_signals():
            try:
                self._go_on()
            finally:
                self._tear_down()
        return self._wakeup.signals[0] if self._wakeup.signals else None

    def _go_on(self) -> None:
        while True:
            self._heed_signals()
            self._reap()
            self._start()
            self._settle()
            if not self._stopping:
                self._claim()
            if not self._busy and (self._stopping or not self._waiting_rows()):
                return
            self._wait()

    @property
    def _stopping(self) -> bool:
        return bool(self._wakeup.signals)

    def _heed_signals(self) -> None:
        if not self._stopping:
            return
        if self._stop_deadline is None:
            self._stop_deadline = time.monotonic() + STOP_GRACE_SECONDS
            self._shop.note("stopping: pages in flight are finished (once more to stop at once)")
            for executor in self._executing():
                executor.stop()
        if len(self._wakeup.signals) > 1 or time.monotonic() >= self._stop_deadline:
            for executor in self._executing():
                executor.kill(grace_seconds=TERM_GRACE_SECONDS)

    def _executing(self) -> list[Executor]:
        """Return the executors that have not been reaped: those of settling runs have no process any more."""
        return [one.executor for one in self._busy if one.executor is not None and one.settling is None]

    def _reap(self) -> None:
        for assignment in self._busy:
            executor = assignment.executor
            if executor is None or assignment.settling is not None:
                continue
            # First whether it has ended, then its messages: none can come after the last that is read here.
            ended = executor.has_ended()
            before = assignment.progress
            for message in executor.messages():
                take_in(assignment, message)
            if assignment.progress is not before:
                self._shop.observer(assignment.progress)
            if ended:
                try:
                    reap(self._shop, assignment, interrupted=self._stopping)
                except (SupervisorError, OSError) as error:
                    end_in_trouble(self._shop, assignment, error)
                self._begin_settling(assignment)

    def _start(self) -> None:
        for assignment in self._busy:
            if assignment.executor is not None or assignment.settling is not None or not assignment.provisioned.done():
                continue
            if self._stopping:
                requeue(self._shop, assignment, "interrupted")
                self._begin_settling(assignment)
                continue
            try:
                workspace = assignment.provisioned.result()
                assignment.executor = start(self._shop, assignment, workspace)
                assignment.progress = self._shop.show(assignment.progress, stage="recognising")
            except (SupervisorError, OSError) as error:
                end_in_trouble(self._shop, assignment, error)
                self._begin_settling(assignment)

    def _begin_settling(self, assignment: Assignment) -> None:
        self._progress[assignment.row.id] = assignment.progress
        assignment.settling = self._in_thread(settle, assignment.row.id)

    def _settle(self) -> None:
        for assignment in [one for one in self._busy if one.settling is not None and one.settling.done()]:
            self._busy.remove(assignment)
            self._idle.append(assignment.worker_id)
            assignment.release()
            self._tell_settled(assignment)

    def _tell_settled(self, assignment: Assignment) -> None:
        run_id = assignment.row.run_id
        try:
            settled = assignment.settling.result() if assignment.settling else None
        except (SupervisorError, OSError) as error:
            # The run has ended and its results are there; the next supervisor tidies up after it.
            self._shop.note(f"run {run_id}: tidying up failed: {error}")
            return
        if settled and settled.kept and not self._shop.keep_workspaces:
            self._shop.note(f"run {run_id}: workspace kept: {settled.kept}")

    def _claim(self) -> None:
        waiting_rows = self._waiting_rows()
        while self._idle and waiting_rows:
            worker_id = self._idle[0]
            claimed = claim(self._shop, worker_id, waiting_rows)
            if claimed is None:
                return
            row, lock, lease = claimed
            self._idle.remove(worker_id)
            waiting_rows.remove(row.id)
            progress = self._shop.show(self._progress[row.id], status=RunStatus.RUNNING, stage="checking out")
            provisioned = self._in_thread(provision, row)
            self._busy.append(Assignment(worker_id, row, lock, lease, provisioned, progress))

    def _waiting_rows(self) -> list[int]:
        """Return our rows that are queued; one that somebody else ended or took is not ours to wait for."""
        with transaction(self._shop.engine) as connection:
            rows = runs.of_rows(connection, list(self._progress))
        return [row.id for row in rows if row.status is RunStatus.QUEUED]

    def _in_thread(self, step: Any, argument: Any) -> Future[Any]:
        future = self._threads.submit(step, self._shop, argument)
        future.add_done_callback(self._wakeup.ring)
        return future

    def _wait(self) -> None:
        waitables = [thing for executor in self._executing() for thing in executor.waitables()]
        awaited = [self._wakeup.fileno(), *waitables]
        waiting.wait(awaited, timeout=TICK_SECONDS)
        self._wakeup.heard()

    def _tear_down(self) -> None:
        """Leave nothing behind, also after an error of our own: the rows stay as they are, to be rescued."""
        for executor in self._executing():
            try:
                executor.kill(grace_seconds=TERM_GRACE_SECONDS)
            except (SupervisorError, OSError) as error:
                self._shop.note(f"executor {executor.pid}: {error}")
        self._threads.shutdown(wait=True, cancel_futures=True)
        for assignment in self._busy:
            assignment.release()
        self._wakeup.close()
