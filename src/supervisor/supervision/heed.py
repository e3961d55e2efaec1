"""What comes from outside while executors work: signals, the loss of a lease, timeouts, what people want of runs.

None of it changes the state of a run. Executors are told to stop, or ended in threads beside the loop, so that one that
takes its time keeps neither the others waiting nor the loop; when it has ended, the loop reaps it as it does any.
"""

import math
from typing import assert_never

from supervisor.model.intents import Intent
from supervisor.store import intents, supervisors
from supervisor.store.engine import transaction
from supervisor.supervision.aside import Aside
from supervisor.supervision.assignment import Assignment, Ending
from supervisor.supervision.heart import Heart, LeaseLostError
from supervisor.supervision.reap import CANCELLED, INTERRUPTED, PAUSED, out_of_room
from supervisor.supervision.room import RoomWatch
from supervisor.supervision.staff import TERM_GRACE_SECONDS, Staff
from supervisor.supervision.wakeup import Wakeup
from supervisor.supervision.workshop import Workshop

ASK_SECONDS = 1.0
STOP_GRACE_SECONDS = 10.0


class Heed:
    """Sees to what comes from outside.

    Attributes:
        lost: Why everything ends here, if a run was given to another supervisor.
    """

    def __init__(
        self, shop: Workshop, staff: Staff, heart: Heart, wakeup: Wakeup, aside: Aside, *, room: RoomWatch
    ) -> None:
        self.lost: LeaseLostError | None = None
        self._shop = shop
        self._staff = staff
        self._heart = heart
        self._wakeup = wakeup
        self._aside = aside
        self._room = room
        self._stop_by: float | None = None
        self._next_look = shop.clock.monotonic()

    @property
    def is_stopping(self) -> bool:
        """Whether nothing is begun any more."""
        return bool(self._wakeup.signals) or self.lost is not None or self._room.lack is not None

    @property
    def interruption(self) -> Ending | None:
        """What becomes of runs that have not ended, since nothing is begun any more; None as long as all goes on."""
        if self._room.lack is not None:
            return out_of_room(self._room.lack)
        return INTERRUPTED if self.is_stopping else None

    @property
    def seconds_to_look(self) -> float:
        """How long it is until `look` has something to do."""
        return max(0.0, self._next_look - self._shop.clock.monotonic())

    def losses(self) -> list[Assignment]:
        """Return what has turned out to be another's, with its executor ended; who loses something ends altogether."""
        lost = self._heart.lost
        found = [one for one in self._staff.busy if one.row.id in lost and one.ending is None and not one.lost]
        for assignment in found:
            self.lose(assignment)
            if assignment.executor is not None:
                assignment.executor.kill(grace_seconds=0)
                assignment.executor.reap()
        return found

    def lose(self, assignment: Assignment) -> None:
        """Take in that a run is another's."""
        assignment.lost = True
        self._shop.journal.of(assignment.row).error("the run was given to another worker: ending its executor")
        self.lost = LeaseLostError(
            f"run {assignment.row.run_id!r} was given to another worker, because no heartbeat came from this one "
            f"for {self._shop.me.lease_seconds} s; nothing more of it is written",
            hint="start this worker again",
        )

    def signals(self) -> None:
        """Let executors finish their pages when all is to stop: as long as the grace, or until a second signal."""
        if not self.is_stopping:
            return
        now = self._shop.clock.monotonic()
        if self._stop_by is None:
            self._stop_by = now + STOP_GRACE_SECONDS
            if self._staff.executing:
                self._shop.tell("stopping: pages in flight are finished (once more to stop at once)")
            for assignment in self._staff.executing:
                self._stop(assignment, by=self._stop_by)
        if len(self._wakeup.signals) > 1:
            self._shop.hurry.set()
        if self._shop.hurry.is_set():
            for assignment in self._staff.executing:
                self._end(assignment, grace_seconds=TERM_GRACE_SECONDS)

    def times(self) -> None:
        """End executors whose time is over: that of their attempt, or that which they had to stop."""
        now = self._shop.clock.monotonic()
        for assignment in self._staff.executing:
            limits = (assignment.deadline, assignment.stop_by)
            if any(limit is not None and now >= limit for limit in limits):
                if assignment.kill_by is None:
                    which = "its timeout" if now >= (assignment.deadline or math.inf) else "the time to stop"
                    self._shop.journal.of(assignment.row).warning(f"{which} is over: ending the executor")
                self._end(assignment, grace_seconds=TERM_GRACE_SECONDS)

    def look(self) -> bool:
        """See what people want, of runs and of the number of workers; once a second, since it asks the database.

        Returns:
            Whether the time had come.

        Raises:
            DatabaseUnavailable: Later, then.
        """
        shop = self._shop
        if self.seconds_to_look:
            return False
        self._next_look = shop.clock.monotonic() + ASK_SECONDS
        with transaction(shop.engine) as connection:
            wanted = intents.wanted(connection, [one.row.id for one in self._staff.busy])
            desired = supervisors.desired_workers(connection, shop.me.id)
        for assignment in self._staff.busy:
            intent = wanted.get(assignment.row.id)
            if intent is not None and not assignment.lost:
                self._heed(assignment, intent)
        if not self.is_stopping:
            self._staff.scale(desired)
        return True

    def _heed(self, assignment: Assignment, intent: Intent) -> None:
        match intent:
            case Intent.CANCEL if assignment.is_to_start:
                assignment.ending = CANCELLED
            case Intent.CANCEL if assignment.is_executing:
                self._intend(assignment, intent, stage="cancelling")
                self._end(assignment, grace_seconds=self._shop.cancel_grace_seconds)
            case Intent.PAUSE if assignment.is_to_start:
                assignment.ending = PAUSED
            case Intent.PAUSE if assignment.is_executing:
                self._intend(assignment, intent, stage="pausing")
                self._stop(assignment, by=self._shop.clock.monotonic() + STOP_GRACE_SECONDS)
            case Intent.CANCEL | Intent.PAUSE:
                # It is about to end in some way; `end` knows what is wanted.
                return
            case _:
                assert_never(intent)

    def _intend(self, assignment: Assignment, intent: Intent, *, stage: str) -> None:
        """Remember what an executor is ended for; one that has ended by itself already is not."""
        if assignment.outcome is None and assignment.intent is not intent:
            assignment.intent = intent
            self._shop.journal.of(assignment.row).info(stage)
            assignment.progress = self._shop.show(assignment.progress, stage=stage)

    def _stop(self, assignment: Assignment, *, by: float) -> None:
        """Tell an executor to begin no page; it is told once."""
        if assignment.stop_by is None and assignment.executor is not None:
            assignment.stop_by = by
            assignment.executor.stop()

    def _end(self, assignment: Assignment, *, grace_seconds: float) -> None:
        """Begin to end an executor, unless that is under way and will be over as soon."""
        by = self._shop.clock.monotonic() + grace_seconds
        if assignment.executor is not None and (assignment.kill_by is None or by < assignment.kill_by):
            assignment.kill_by = by
            killing = self._aside.begin(assignment.executor.kill, grace_seconds=grace_seconds)
            assignment.killings.append(killing)
