"""The loop: what has ended is reaped, what is ready is started, idle workers claim; until nothing is left to do.

All changes of state happen here, in one thread. What takes long and changes no state (checking out, tidying up) runs in
threads beside it, and rings when it is done; the heart beats from a thread of its own. A database that is away for a
while stops nothing: what could not be written is written on a later turn.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing import connection as waiting
from typing import Any

from supervisor.board.progress import RunProgress
from supervisor.errors import SupervisorError
from supervisor.executor.child import Executor
from supervisor.model.states import RunStatus
from supervisor.store.engine import DatabaseUnavailable
from supervisor.store.results import FencedOut
from supervisor.store.runs import RunRow
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.away import Patience
from supervisor.supervision.claim import Claimant
from supervisor.supervision.end import end
from supervisor.supervision.errand import Errand
from supervisor.supervision.heart import Heart, LeaseLostError
from supervisor.supervision.leftovers import Tidier
from supervisor.supervision.listen import take_in
from supervisor.supervision.provision import provision
from supervisor.supervision.reap import INTERRUPTED, reap, trouble
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.settle import abandon, settle
from supervisor.supervision.start import start
from supervisor.supervision.wakeup import Wakeup
from supervisor.supervision.workshop import Workshop

STOP_GRACE_SECONDS = 10.0
TERM_GRACE_SECONDS = 1.0
TICK_SECONDS = 1.0


class Loop:
    """Executes runs with a fixed set of workers, for as long as its errand asks for."""

    def __init__(
        self, shop: Workshop, errand: Errand, rescuer: Rescuer, workers: Sequence[str], *, tidier: Tidier
    ) -> None:
        self._shop = shop
        self._tidier = tidier
        self._errand = errand
        self._rescuer = rescuer
        self._claimant = Claimant(shop, self._note_failure)
        self._idle = list(workers)
        self._busy: list[Assignment] = []
        self._wakeup = Wakeup()
        self._threads = ThreadPoolExecutor(max_workers=len(workers) + 1, thread_name_prefix="workspace")
        self._heart = Heart(
            shop.databases.control_url,
            shop.me,
            shop.clock,
            on_change=self._wakeup.ring,
            on_silence=self._kill_executors,
        )
        self._stop_deadline: float | None = None
        self._lost: LeaseLostError | None = None
        self._patience = Patience(shop.note)

    def run(self) -> int | None:
        """Go on until the errand is done, or a signal came; return the signal's number, if one did.

        Raises:
            LeaseLostError: A run was given to another supervisor, because this one was silent for too long.
        """
        try:
            with self._wakeup.watching_signals(), self._heart:
                try:
                    self._go_on()
                finally:
                    self._tear_down()
        finally:
            # When nobody rings any more.
            self._wakeup.close()
        if self._lost is not None:
            raise self._lost
        return self._wakeup.signals[0] if self._wakeup.signals else None

    def _go_on(self) -> None:
        while True:
            self._heart.check()
            self._heed_losses()
            self._heed_signals()
            self._heed_timeouts()
            self._reap()
            self._start()
            self._end()
            self._settle()
            if not self._stopping:
                self._patience.take(self._rescue)
                self._patience.take(self._claim)
                self._tidier.look(self._threads)
            if not self._busy and (self._stopping or not self._has_more()):
                return
            if len(self._wakeup.signals) > 1 and self._patience.is_away:
                return
            self._wait()

    @property
    def _stopping(self) -> bool:
        return bool(self._wakeup.signals) or self._lost is not None

    def _has_more(self) -> bool:
        try:
            return self._errand.goes_on()
        except DatabaseUnavailable:
            return True

    def _heed_losses(self) -> None:
        """Drop what is no longer ours; who was silent for so long ends altogether."""
        lost = self._heart.lost
        for assignment in [one for one in self._busy if one.row.id in lost and one.ending is None and not one.lost]:
            self._lose(assignment)
            assignment.lost = True
            if assignment.executor is not None:
                assignment.executor.kill(grace_seconds=0)
                assignment.executor.reap()
            if assignment.executor is not None or assignment.provisioned.done():
                self._begin_settling(assignment, abandon)

    def _lose(self, assignment: Assignment) -> None:
        self._lost = LeaseLostError(
            f"run {assignment.row.run_id!r} was given to another worker, because no heartbeat came from this one "
            f"for {self._shop.me.lease_seconds} s; nothing more of it is written",
            hint="start this worker again",
        )

    def _heed_signals(self) -> None:
        if not self._stopping:
            return
        now = self._shop.clock.monotonic()
        if self._stop_deadline is None:
            self._stop_deadline = now + STOP_GRACE_SECONDS
            executing = self._executing()
            if executing:
                self._shop.note("stopping: pages in flight are finished (once more to stop at once)")
            for executor in executing:
                executor.stop()
        if len(self._wakeup.signals) > 1:
            self._shop.hurry.set()
        if self._shop.hurry.is_set() or now >= self._stop_deadline:
            for executor in self._executing():
                executor.kill(grace_seconds=TERM_GRACE_SECONDS)

    def _heed_timeouts(self) -> None:
        now = self._shop.clock.monotonic()
        for assignment in self._busy:
            if assignment.is_executing and assignment.deadline is not None and now >= assignment.deadline:
                assignment.executor.kill(grace_seconds=TERM_GRACE_SECONDS)  # type: ignore[union-attr]  # it executes

    def _executing(self) -> list[Executor]:
        """Return the executors that have not been reaped: those of ending runs have no process any more."""
        return [one.executor for one in self._busy if one.is_executing and one.executor is not None]

    def _reap(self) -> None:
        for assignment in [one for one in self._busy if one.is_executing]:
            executor = assignment.executor
            if executor is None:
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
                    now = self._shop.clock.monotonic()
                    assignment.ending = reap(assignment, interrupted=self._stopping, monotonic=now)
                except (SupervisorError, OSError) as error:
                    assignment.ending = trouble(error)

    def _start(self) -> None:
        for assignment in self._busy:
            if not assignment.is_provisioned:
                continue
            if assignment.lost:
                self._begin_settling(assignment, abandon)
                continue
            if self._stopping:
                assignment.ending = INTERRUPTED
                continue
            try:
                workspace = assignment.provisioned.result()
                assignment.executor = start(self._shop, assignment, workspace)
                if assignment.row.timeout_seconds is not None:
                    assignment.deadline = self._shop.clock.monotonic() + assignment.row.timeout_seconds
                assignment.progress = self._shop.show(assignment.progress, stage="recognising")
            except (SupervisorError, OSError, FencedOut) as error:
                assignment.ending = trouble(error)

    def _end(self) -> None:
        for assignment in [one for one in self._busy if one.ending is not None and one.settling is None]:
            if self._patience.take(partial(self._end_one, assignment)):
                self._begin_settling(assignment, abandon if assignment.lost else settle)

    def _end_one(self, assignment: Assignment) -> bool:
        if assignment.ending is not None and not end(self._shop, assignment, assignment.ending):
            assignment.lost = True
            self._lose(assignment)
        return True

    def _begin_settling(self, assignment: Assignment, step: Callable[[Workshop, RunRow], Any]) -> None:
        self._heart.let_go(assignment.row.id)
        self._errand.note(assignment.row.id, assignment.progress)
        assignment.settling = self._in_thread(step, assignment.row)

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

    def _rescue(self) -> bool:
        return self._rescuer.look([one.row.id for one in self._busy])

    def _claim(self) -> bool:
        asked = bool(self._idle)
        while self._idle:
            claimed = self._claimant.claim(self._idle[0])
            if claimed is None:
                break
            row, lock, lease = claimed
            self._heart.hold(row.id, row.lease_term)
            worker_id = self._idle.pop(0)
            progress = self._errand.progress_of(row).anew()
            progress = self._shop.show(progress, status=RunStatus.RUNNING, stage="checking out")
            provisioned = self._in_thread(provision, row)
            self._busy.append(Assignment(worker_id, row, lock, lease, provisioned, progress))
        return asked

    def _note_failure(self, row: RunRow, reason: str) -> None:
        failed = RunProgress(row.run_id, RunStatus.FAILED, "failed", documents=0, error=reason)
        self._errand.note(row.id, failed)
        self._shop.observer(failed)

    def _in_thread(self, step: Callable[[Workshop, RunRow], Any], row: RunRow) -> Future[Any]:
        future = self._threads.submit(step, self._shop, row)
        future.add_done_callback(self._wakeup.ring)
        return future

    def _wait(self) -> None:
        waitables = [thing for executor in self._executing() for thing in executor.waitables()]
        awaited = [self._wakeup.fileno(), *waitables]
        waiting.wait(awaited, timeout=TICK_SECONDS)
        self._wakeup.heard()

    def _tear_down(self) -> None:
        """Leave nothing behind, also after an error of our own: the rows stay as they are, to be rescued."""
        self._kill_executors()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for assignment in self._busy:
            assignment.release()

    def _kill_executors(self) -> None:
        for executor in self._executing():
            try:
                executor.kill(grace_seconds=TERM_GRACE_SECONDS)
            except (SupervisorError, OSError) as error:
                self._shop.note(f"executor {executor.pid}: {error}")
