"""Claiming a run for an idle worker, and getting hold of what belongs to it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace

from supervisor.errors import NoRoomError, SupervisorError
from supervisor.executor.spec import RunSpec
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.runlock import RunLock
from supervisor.model.states import RunStatus, WorkerStatus
from supervisor.store import claims, runs, sessions, supervisors
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.runs import RunRow
from supervisor.supervision.assignment import Ending
from supervisor.supervision.end import as_asked, new_values
from supervisor.supervision.orphans import LOCK_WAIT_SECONDS, end_earlier_holder
from supervisor.supervision.reap import GIVEN_BACK, out_of_room
from supervisor.supervision.workshop import Workshop

HELD_RETRY_SECONDS = 5


class Claimant:
    """Claims for the workers of one supervisor."""

    def __init__(
        self,
        shop: Workshop,
        on_failure: Callable[[RunRow, str], None] = lambda _row, _reason: None,
        *,
        sessions: Sequence[str] = (),
    ) -> None:
        """Remember what is wanted.

        Args:
            shop: What the steps of the loop share.
            on_failure: Told of runs that nobody can execute, and why.
            sessions: Those in which a worker looks for runs, in this order; none: that in which it was registered.
        """
        self._shop = shop
        self._sessions = sessions
        self._on_failure = on_failure
        self._unanswered: set[str] = set()

    def claim(self, worker_id: str) -> tuple[RunRow, RunLock, WorkspaceLease] | None:
        """Claim the next run for a worker, with its locks; None if there is none, or if they are held.

        A run whose locks are held goes back to the queue for some seconds; that costs no attempt. One that cannot be
        executed by anybody, since its spec cannot be read, fails.

        Raises:
            DatabaseUnavailable: A run may have been claimed, or not: the next call for the worker finds out.
            NoRoomError: A disk is full, and no run is held.
        """
        try:
            row = self._claim(worker_id)
            held = None if row is None else self._take_hold(row)
        except DatabaseUnavailable:
            self._unanswered.add(worker_id)
            raise
        self._unanswered.discard(worker_id)
        if row is None or held is None:
            return None
        self._shop.journal.of(row).info("run claimed", worker=worker_id, commit=row.commit_sha)
        return row, *held

    def _claim(self, worker_id: str) -> RunRow | None:
        engine = self._shop.engine
        if worker_id in self._unanswered:
            with transaction(engine) as connection:
                unheard_of = claims.claimed_by(connection, worker_id)
            if unheard_of is not None:
                return unheard_of
        if len(self._sessions) < 2:
            return claims.claim_alone(engine, worker_id, self._shop.clock)
        for session_id in self._sessions:
            with transaction(engine) as connection:
                supervisors.look_into(connection, worker_id, session_id)
            row = claims.claim_alone(engine, worker_id, self._shop.clock)
            if row is not None:
                return row
        return None

    def _take_hold(self, row: RunRow) -> tuple[RunLock, WorkspaceLease] | None:
        shop = self._shop
        with ExitStack() as undo:
            try:
                # It must fail the run, not the worker.
                RunSpec.from_json(row.spec)
                lock = self._lock(row)
                undo.callback(lock.close)
                workspace = shop.workspaces.path(row.run_id)
                lease = WorkspaceLease(shop.runs_directory.root, workspace, run_id=row.run_id, term=row.lease_term)
                lease.acquire()
            except LockHeldError as error:
                held = Ending(RunStatus.QUEUED, GIVEN_BACK, str(error), delay_seconds=HELD_RETRY_SECONDS)
                if self._put_down(row, held) is RunStatus.QUEUED:
                    shop.warn(f"{error}; trying again in {HELD_RETRY_SECONDS} s", of=row)
                return None
            except NoRoomError as error:
                self._put_down(row, replace(out_of_room(error), delay_seconds=HELD_RETRY_SECONDS))
                raise
            except SupervisorError as error:
                self._put_down(row, Ending(RunStatus.FAILED, "failed", str(error)))
                shop.journal.of(row).error("run failed", reason=str(error))
                self._on_failure(row, str(error))
                return None
            undo.pop_all()
        return lock, lease

    def _lock(self, row: RunRow) -> RunLock:
        locks = self._shop.run_locks
        try:
            return locks.acquire(row.run_id, term=row.lease_term)
        except LockHeldError:
            if not end_earlier_holder(locks, row):
                raise
        return locks.acquire(row.run_id, term=row.lease_term, timeout_seconds=LOCK_WAIT_SECONDS)

    def _put_down(self, row: RunRow, ending: Ending) -> RunStatus:
        """Take a claimed run from its worker again, before anything was done for it; return what has become of it."""
        shop = self._shop
        with transaction(shop.engine) as connection:
            now = shop.now(connection)
            sessions.lock(connection, row.session_id)
            if ending.status is RunStatus.QUEUED and runs.hold(connection, row):
                ending = as_asked(connection, row, ending)
            runs.transition(
                connection,
                row,
                ending.status,
                at=now,
                actor=shop.me.id,
                event=ending.event,
                values=new_values(row, ending, now),
                detail={"reason": ending.reason},
            )
            if row.claimed_by is not None:
                supervisors.set_worker(connection, row.claimed_by, WorkerStatus.IDLE, run=None, at=now)
            sessions.conclude(connection, row.session_id, at=now)
        return ending.status
