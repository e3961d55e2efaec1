"""Workers of this process, and what each is at: tasks are taken up, put down and given back here."""

import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from supervisor.board.progress import RunProgress
from supervisor.errors import SupervisorError, UsageError
from supervisor.model.states import RunStatus
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.results import FencedOut
from supervisor.supervision.assignment import Assignment, Ending, Settled
from supervisor.supervision.claim import Claimant
from supervisor.supervision.end import end
from supervisor.supervision.provision import provision
from supervisor.supervision.reap import INTERRUPTED, trouble
from supervisor.supervision.settle import abandon, settle
from supervisor.supervision.workers.delivery import Delivery
from supervisor.supervision.workers.task import StaleTaskError, Task, stale
from supervisor.supervision.workshop import Workshop

LOST = "it was given to another worker"


@dataclass
class Hand:
    """A worker of this process.

    Attributes:
        turn: Held by whoever does something with its task; beats need it not.
        at_work: The task; None if there is none.
        delivery: What is delivered for it; there once it is made ready.
        is_ending: Whether that is being ended, so that its lease may be over without being lost.
    """

    worker_id: str
    turn: threading.RLock = field(default_factory=threading.RLock)
    at_work: Assignment | None = None
    delivery: Delivery | None = None
    is_ending: bool = False

    def task(self) -> tuple[Assignment, Delivery]:
        """Return what it is at, and what is delivered for that.

        Raises:
            UsageError: Nothing.
        """
        if self.at_work is None or self.delivery is None:
            raise UsageError(f"worker {self.worker_id!r} has no task", hint="assign_task gives it one")
        return self.at_work, self.delivery


def take_up(shop: Workshop, claimant: Claimant, hand: Hand) -> Task | None:
    """Claim a run for a worker, with its locks, and make ready what it needs; None if nothing is due.

    What cannot be made ready ends as it would with a supervisor, which is noted.

    Raises:
        DatabaseUnavailable: A run may have been claimed, or not: the next call finds out.
        NoRoomError: A disk is full, and no run is held.
    """
    claimed = claimant.claim(hand.worker_id)
    if claimed is None:
        return None
    row, lock, lease = claimed
    progress = RunProgress(row.run_id, RunStatus.RUNNING, "checking out", documents=0)
    provisioned: Future[Path] = Future()
    # Before anything takes its time: from here on beats renew its lease.
    hand.at_work = assignment = Assignment(hand.worker_id, row, lock, lease, provisioned, progress)
    try:
        provisioned.set_result(provision(shop, row))
        delivery = Delivery(shop, assignment)
        documents = delivery.begin(provisioned.result())
    except (SupervisorError, OSError, FencedOut) as error:
        assignment.ending = trouble(error)
        shop.warn(assignment.ending.reason or LOST, of=row)
        give_up(shop, hand)
        if assignment.ending.no_room is not None:
            raise assignment.ending.no_room from error
        return None
    hand.delivery = delivery
    return Task(
        run_id=row.run_id,
        session_id=row.session_id,
        lane=row.lane,
        attempt=row.attempt,
        lease_term=row.lease_term,
        commit=row.commit_sha,
        timeout_seconds=row.timeout_seconds,
        spec=row.spec,
        documents=documents,
        workspace=provisioned.result(),
        artifacts=shop.runs_directory.run(row.run_id).root,
        output=delivery.output,
    )


def give_up(shop: Workshop, hand: Hand) -> None:
    """Put a task down, if there is one, that could not be made ready, or has turned out to be another's.

    Raises:
        DatabaseUnavailable: Try again.
        NoRoomError: A disk is full, and the run is the worker's still.
    """
    if hand.at_work is not None:
        with suppress(StaleTaskError):
            put_down(shop, hand, INTERRUPTED)


def put_down(shop: Workshop, hand: Hand, ending: Ending) -> None:
    """End the run that a worker is at, or queue it again; tidy up, and give its locks free.

    Raises:
        StaleTaskError: It is another's by now; its locks are free all the same.
        DatabaseUnavailable: Try again.
        NoRoomError: A disk is full, and the run is the worker's still.
    """
    assignment = hand.at_work
    if assignment is None:
        raise ValueError("there is no task to put down")
    # What was tried before may have been recorded, though no answer came.
    ending = assignment.ending or ending
    hand.is_ending = True
    try:
        is_ours = end(shop, assignment, ending)
    except BaseException as error:
        hand.is_ending = False
        if isinstance(error, DatabaseUnavailable):
            assignment.ending = assignment.ending or ending
        raise
    _let_go(shop, hand, assignment, is_ours=is_ours)
    if not is_ours:
        raise stale(assignment.row)


def drop(shop: Workshop, hand: Hand) -> None:
    """Let go of what a worker is at, if it is, and cannot or must not change any more; others see to it."""
    if hand.at_work is not None:
        _let_go(shop, hand, hand.at_work, is_ours=False)


def _let_go(shop: Workshop, hand: Hand, assignment: Assignment, *, is_ours: bool) -> None:
    try:
        _tidy_up(shop, assignment, is_ours=is_ours)
    finally:
        hand.at_work, hand.delivery, hand.is_ending = None, None, False
        if not assignment.release():
            shop.warn("something that it started has not ended", of=assignment.row)


def _tidy_up(shop: Workshop, assignment: Assignment, *, is_ours: bool) -> None:
    row = assignment.row
    try:
        settled: Settled = (settle if is_ours else abandon)(shop, row)
    except (SupervisorError, OSError) as error:
        # The run has ended and its results are there; a supervisor tidies up after it.
        shop.warn(f"tidying up failed: {error}", of=row)
        return
    if settled.kept and not shop.keep_workspaces:
        shop.tell(f"workspace kept: {settled.kept}", of=row)
