"""Where the workers of a program are: its own, which are on record with its process, and those of others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from supervisor.clock import SystemClock
from supervisor.errors import SupervisorError, UsageError
from supervisor.store import workers
from supervisor.store.engine import transaction
from supervisor.store.kept import KeptEngine
from supervisor.store.moments import database_now
from supervisor.store.workers import WorkerRow
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.opening import Setting, check_runs_directory
from supervisor.supervision.place import Place
from supervisor.supervision.workers import endings
from supervisor.supervision.workers.delivery import Delivery
from supervisor.supervision.workers.enrolment import Enrolment
from supervisor.supervision.workers.hands import Hand, drop, give_up, put_down
from supervisor.supervision.workers.task import StaleTaskError, stale
from supervisor.supervision.workshop import Workshop


class Turn(NamedTuple):
    """A worker with its task, with which nobody else does anything."""

    shop: Workshop
    hand: Hand
    task: Assignment
    delivery: Delivery


class WorkerDesk:
    """Finds workers, and whatever they are at."""

    def __init__(self, place: Place, setting: Setting, repository_name: str | None) -> None:
        """Remember how it is worked here; nothing is created before there is a worker.

        Args:
            place: Where runs are kept.
            setting: How tasks are executed.
            repository_name: What the settings say that the repository is known by.
        """
        self.place = place
        self._setting = setting
        self._repository_name = repository_name
        self._control = KeptEngine(place.open_control)
        self._enrolling = threading.Lock()
        self._enrolment: Enrolment | None = None

    @cached_property
    def repository(self) -> str:
        """What the repository is known by: git is asked once."""
        return self.place.identity(self._repository_name)

    def enrolled(self) -> Enrolment:
        """Return this process as one that has workers.

        Raises:
            UsageError: It was forked from that which has, or the database or the runs directory cannot be used.
            SurroundingsError: The database or the runs directory cannot be used.
        """
        with self._enrolling:
            if self._enrolment is None:
                check_runs_directory(self.place.repository, self.place.runs_directory)
                self._enrolment = Enrolment(self._setting, self.repository)
            if not self._enrolment.is_ours:
                raise UsageError("workers belong to the process that registered them", hint="make a coordinator here")
            return self._enrolment

    def find(self, worker: WorkerRow | str) -> WorkerRow:
        """Return a worker of whatever process.

        Raises:
            UsageError: There never was one of that id.
        """
        worker_id, found = _id(worker), None
        if self.place.has_control:
            with transaction(self._control.get()) as connection:
                found = workers.find(connection, worker_id, at=database_now(connection, SystemClock()))
        if found is None:
            raise UsageError(f"there is no worker {worker_id!r}", hint="list_workers names those there are")
        return found

    def present(self) -> list[WorkerRow]:
        """Return the workers of the repository, of whatever process, that were not taken away."""
        if not self.place.has_control:
            return []
        with transaction(self._control.get()) as connection:
            return workers.present(connection, self.repository, at=database_now(connection, SystemClock()))

    def hand(self, worker: WorkerRow | str) -> tuple[Enrolment, Hand]:
        """Return a worker of this process.

        Raises:
            StaleTaskError: It is another's, or has ended.
            UsageError: There never was one of that id.
        """
        enrolment = self._enrolment
        hand = enrolment.hand(_id(worker)) if enrolment is not None and enrolment.is_ours else None
        if enrolment is not None and hand is not None:
            return enrolment, hand
        known = self.find(worker)
        where = "has ended" if known.ended_at is not None else f"belongs to pid {known.pid} on {known.host}"
        raise StaleTaskError(
            f"worker {known.id!r} {where}: nothing can be done here in its name",
            hint="register_worker makes another one",
        )

    @contextmanager
    def turn(self, worker: WorkerRow | str, lease_term: int | None) -> Iterator[Turn]:
        """Have a worker with its task, with which nobody else does anything while the block runs.

        Args:
            worker: Which one.
            lease_term: Of the task that is meant; None for that which it has.

        Raises:
            StaleTaskError: The task that is meant is another's, or has ended.
            UsageError: It has none.
        """
        enrolment, hand = self.hand(worker)
        with hand.turn:
            task, delivery = hand.task()
            if lease_term not in {None, task.row.lease_term}:
                raise stale(replace(task.row, lease_term=lease_term))
            try:
                yield Turn(enrolment.shop, hand, task, delivery)
            except StaleTaskError:
                give_up(enrolment.shop, hand)
                raise

    def take_away(self, worker: WorkerRow | str) -> None:
        """Take a worker of this process away; what it is at goes back to the queue."""
        _take_away(*self.hand(worker))

    def close(self) -> None:
        """Take all workers of this process away, and close the database."""
        with self._enrolling:
            enrolment, self._enrolment = self._enrolment, None
        if enrolment is not None and enrolment.is_ours:
            for hand in enrolment.hands:
                try:
                    _take_away(enrolment, hand)
                except SupervisorError as trouble:
                    self._setting.note(f"worker {hand.worker_id}: {trouble}")
                    drop(enrolment.shop, hand)
            enrolment.sign_off()
        self._control.close()


def _take_away(enrolment: Enrolment, hand: Hand) -> None:
    with hand.turn:
        if hand.at_work is not None:
            shop = enrolment.shop
            # What is another's by now need not be given back.
            with suppress(StaleTaskError):
                put_down(shop, hand, endings.released(shop, hand.at_work.row, "its worker was taken away"))
        enrolment.dismiss(hand)


def _id(worker: WorkerRow | str) -> str:
    return worker.id if isinstance(worker, WorkerRow) else worker
