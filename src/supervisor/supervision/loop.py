"""The loop: what has ended is reaped, what is ready is started, idle workers claim; until nothing is left to do.

All changes of state happen here, in one thread. What takes long and changes no state (checking out, tidying up, ending
executors) is done in threads beside it, and rings when it is done; the heart beats from a thread of its own, and from
another those who watch are told how far the runs are. A database that is away for a while stops nothing: what could not
be written is written on a later turn.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from multiprocessing import connection as waiting
from typing import Any

from supervisor.board.progress import RunProgress
from supervisor.errors import NoRoomError, SupervisorError
from supervisor.model.states import RunStatus
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.results import FencedOut
from supervisor.store.runs import RunRow
from supervisor.supervision.aside import Aside
from supervisor.supervision.assignment import Assignment, Settled
from supervisor.supervision.away import Patience
from supervisor.supervision.claim import Claimant
from supervisor.supervision.end import end
from supervisor.supervision.errand import Errand
from supervisor.supervision.heart import Heart
from supervisor.supervision.heed import Heed
from supervisor.supervision.keeper import ProgressKeeper
from supervisor.supervision.leftovers import Tidier
from supervisor.supervision.listen import take_in
from supervisor.supervision.provision import provision
from supervisor.supervision.reap import not_ended, out_of_room, reap, trouble
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.room import RoomWatch, needed_for_runs
from supervisor.supervision.settle import abandon, settle
from supervisor.supervision.staff import Staff
from supervisor.supervision.start import start
from supervisor.supervision.wakeup import Wakeup
from supervisor.supervision.workshop import Workshop

TICK_SECONDS = 1.0


class Loop:
    """Executes runs with the workers there are, for as long as its errand asks for."""

    def __init__(self, shop: Workshop, errand: Errand, rescuer: Rescuer, staff: Staff, *, tidier: Tidier) -> None:
        self._shop = shop
        self._errand = errand
        self._rescuer = rescuer
        self._staff = staff
        self._tidier = tidier
        self._claimant = Claimant(shop, self._note_failure, sessions=errand.sessions)
        self._wakeup = Wakeup()
        self._aside = Aside(self._wakeup.ring)
        self._heart = Heart(
            shop.databases.control_url,
            shop.me,
            shop.clock,
            shop.journal.log,
            on_change=self._wakeup.ring,
            on_silence=staff.end_executors,
        )
        self._keeper = ProgressKeeper(shop.databases.control_url, shop.clock)
        self._room = RoomWatch(needed_for_runs(shop.repository, shop.runs_directory), shop.min_free_bytes, shop.clock)
        self._heed = Heed(shop, staff, self._heart, self._wakeup, self._aside, room=self._room)
        self._patience = Patience(shop.warn)

    def run(self) -> int | None:
        """Go on until the errand is done, or a signal came; return the signal's number, if one did.

        Raises:
            LeaseLostError: A run was given to another supervisor, because this one was silent for too long.
            NoRoomError: A disk has too little room for what is left to do.
        """
        try:
            with self._wakeup.watching_signals(), self._heart, self._keeper:
                try:
                    self._go_on()
                finally:
                    self._tear_down()
        finally:
            # When nobody rings any more.
            self._wakeup.close()
        if self._heed.lost is not None:
            raise self._heed.lost
        if self._wakeup.signals:
            return self._wakeup.signals[0]
        if self._room.lack is not None and self._has_more():
            raise self._room.lack
        return None

    def _go_on(self) -> None:
        while True:
            self._heart.check()
            self._room.look()
            with self._room.heeding():
                self._take_turn()
            if not self._staff.busy and (self._heed.is_stopping or not self._has_more()):
                return
            if len(self._wakeup.signals) > 1 and self._patience.is_away:
                return
            self._wait()

    def _take_turn(self) -> None:
        for assignment in self._heed.losses():
            self._begin_settling(assignment, abandon)
        self._heed.signals()
        self._patience.take(self._heed.look)
        self._heed.times()
        self._reap()
        self._start()
        self._end()
        self._settle()
        if not self._heed.is_stopping:
            self._patience.take(self._rescue)
            self._patience.take(self._claim)
            self._tidier.look(self._aside)
        for assignment in self._staff.busy:
            if assignment.settling is None:
                self._keeper.note(assignment.row, assignment.progress)

    def _has_more(self) -> bool:
        try:
            return self._errand.goes_on()
        except DatabaseUnavailable:
            return True

    def _reap(self) -> None:
        for assignment in self._staff.executing:
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
                assignment.progress = assignment.progress.looked_at()
            failures = [one.exception() for one in assignment.killings if one.done()]
            if failure := next((one for one in failures if one is not None), None):
                assignment.ending = not_ended(failure)
            elif ended and len(failures) == len(assignment.killings):
                if assignment.outcome is None:
                    # It may have died of what it could not write.
                    self._room.look(at_once=True)
                try:
                    now = self._shop.clock.monotonic()
                    assignment.ending = reap(assignment, self._heed.interruption, monotonic=now)
                except (SupervisorError, OSError) as error:
                    assignment.ending = trouble(error)

    def _start(self) -> None:
        for assignment in self._staff.busy:
            if not assignment.is_provisioned:
                continue
            if self._heed.interruption is not None:
                assignment.ending = self._heed.interruption
                continue
            try:
                workspace = assignment.provisioned.result()
                assignment.executor = start(self._shop, assignment, workspace)
                self._shop.journal.of(assignment.row).info("executor started", pid=assignment.executor.pid)
                if assignment.row.timeout_seconds is not None:
                    assignment.deadline = self._shop.clock.monotonic() + assignment.row.timeout_seconds
                assignment.progress = self._shop.show(assignment.progress, stage="recognising")
            except (SupervisorError, OSError, FencedOut) as error:
                assignment.ending = trouble(error)

    def _end(self) -> None:
        for assignment in [one for one in self._staff.busy if one.ending is not None and one.settling is None]:
            if self._patience.take(partial(self._end_or_put_back, assignment)):
                self._begin_settling(assignment, abandon if assignment.lost else settle)

    def _end_or_put_back(self, assignment: Assignment) -> bool:
        """End a run; queue it again if what it made has no room, and leave its row to a rescuer if that has none."""
        if assignment.ending is not None and assignment.ending.no_room is not None:
            self._room.heed(assignment.ending.no_room)
        try:
            return self._end_one(assignment)
        except NoRoomError as error:
            self._room.heed(error)
            assignment.ending = out_of_room(error)
        with self._room.heeding():
            self._end_one(assignment)
        return True

    def _end_one(self, assignment: Assignment) -> bool:
        if assignment.ending is not None and not end(self._shop, assignment, assignment.ending):
            self._heed.lose(assignment)
        return True

    def _begin_settling(self, assignment: Assignment, step: Callable[[Workshop, RunRow], Settled]) -> None:
        self._heart.let_go(assignment.row.id)
        self._keeper.let_go(assignment.row.id)
        self._errand.note(assignment.row.id, assignment.progress)
        assignment.settling = self._aside.begin(_settle_after, assignment.provisioned, step, self._shop, assignment.row)

    def _settle(self) -> None:
        for assignment in [one for one in self._staff.busy if one.settling is not None and one.settling.done()]:
            self._staff.free(assignment)
            if not assignment.release():
                self._shop.warn("something that it started has not ended", of=assignment.row)
            self._tell_settled(assignment)

    def _tell_settled(self, assignment: Assignment) -> None:
        row = assignment.row
        try:
            settled = assignment.settling.result() if assignment.settling else None
        except (SupervisorError, OSError) as error:
            # The run has ended and its results are there; the next supervisor tidies up after it.
            self._shop.warn(f"tidying up failed: {error}", of=row)
            return
        if settled and settled.kept and not self._shop.keep_workspaces:
            self._shop.tell(f"workspace kept: {settled.kept}", of=row)

    def _rescue(self) -> bool:
        return self._rescuer.look([one.row.id for one in self._staff.busy])

    def _claim(self) -> bool:
        asked = False
        while worker_id := self._staff.next_idle:
            asked = True
            claimed = self._claimant.claim(worker_id)
            if claimed is None:
                break
            row, lock, lease = claimed
            self._heart.hold(row.id, row.lease_term)
            progress = self._errand.progress_of(row).anew()
            progress = self._shop.show(progress, status=RunStatus.RUNNING, stage="checking out")
            provisioned = self._aside.begin(provision, self._shop, row)
            self._staff.take_on(Assignment(worker_id, row, lock, lease, provisioned, progress))
        return asked

    def _note_failure(self, row: RunRow, reason: str) -> None:
        failed = RunProgress(row.run_id, RunStatus.FAILED, "failed", documents=0, error=reason)
        self._errand.note(row.id, failed)
        self._shop.observer(failed)

    def _wait(self) -> None:
        executors = [one.executor for one in self._staff.executing if one.executor is not None]
        waitables = [thing for executor in executors for thing in executor.waitables()]
        waiting.wait([self._wakeup.fileno(), *waitables], timeout=min(TICK_SECONDS, self._heed.seconds_to_look))
        self._wakeup.heard()

    def _tear_down(self) -> None:
        """Leave nothing behind, also after an error of our own: the rows stay as they are, to be rescued."""
        self._staff.end_executors()
        self._aside.close()
        for assignment in self._staff.busy:
            assignment.release()


def _settle_after(
    provisioned: Future[Any], step: Callable[[Workshop, RunRow], Settled], shop: Workshop, row: RunRow
) -> Settled:
    """Take the last step when the first one is over: what was cancelled may be in the middle of a checkout."""
    wait([provisioned])
    return step(shop, row)
