"""Workers in the hands of programs: registered, given runs to execute in their own way, and taken away."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from supervisor.board.report import RunReport, report_runs
from supervisor.errors import UsageError
from supervisor.model.lease import DEFAULT_LEASE_SECONDS
from supervisor.model.states import RunStatus, WorkerStatus
from supervisor.room import DEFAULT_MIN_FREE_MB
from supervisor.store import intents, leases, supervisors
from supervisor.store.engine import patiently, transaction
from supervisor.store.sessions import SessionRow
from supervisor.store.workers import WorkerRow
from supervisor.supervision.assignment import Ending
from supervisor.supervision.control.scaling import Scaled, nobody_works, scale
from supervisor.supervision.control.selection import find_session
from supervisor.supervision.opening import check_name, check_policy
from supervisor.supervision.place import Place
from supervisor.supervision.workers import endings
from supervisor.supervision.workers.desk import Turn, WorkerDesk
from supervisor.supervision.workers.hands import give_up, put_down, take_up
from supervisor.supervision.workers.results import Delivered, checked
from supervisor.supervision.workers.task import Heartbeat, Task


class WorkerCoordinator:
    """Lets a program be workers of its own: it takes runs from the queue, executes them as it likes, delivers results.

    A task is a run that a worker has claimed, with its locks and its workspace. While it has one, the program calls
    `heartbeat`, from a thread of its own, more often than every `lease_seconds`. A process that dies is noticed as a
    supervisor is, and its tasks go back to the queue; the end of its block, or `close`, gives them back at once.

    All methods may be called from any thread, with ids in place of objects. A worker belongs to the process that has
    registered it.

    Example:
        with WorkerCoordinator("archive") as coordinator:
            worker = coordinator.register_worker("reader")
            while task := coordinator.assign_task(worker):
                coordinator.complete_task(worker, documents=[read(document) for document in task.documents])
    """

    def __init__(
        self,
        repo: str | Path = ".",
        *,
        runs_dir: str | Path | None = None,
        repository_name: str | None = None,
        database_url: str | None = None,
        lease_seconds: int = DEFAULT_LEASE_SECONDS,
        min_free_mb: int = DEFAULT_MIN_FREE_MB,
        keep_workspaces: bool = False,
        note: Callable[[str], None] | None = None,
    ) -> None:
        """Find the repository; nothing is created yet.

        Args:
            repo: A directory in it.
            runs_dir: Where runs are kept; see `config.runs_directory` for the default.
            repository_name: What the repository is known by; default is its first commit.
            database_url: Of the database that supervisors share; None for the files in the runs directory.
            lease_seconds: How long a worker may be silent before its task is another's to take.
            min_free_mb: With less room on a disk, in MB of a million bytes, no task is assigned; 0: nobody looks.
            keep_workspaces: Leave the worktrees in place when tasks end.
            note: Told, a line at a time, what else a person should know.

        Raises:
            UsageError: The directory is in no repository, the URL cannot be used, or the lease is too short or long.
            SurroundingsError: Git is missing or too old, or refuses the repository.
        """
        self._note = note or (lambda _line: None)
        place = Place.find(Path(repo), Path(runs_dir) if runs_dir else None, database_url)
        setting = replace(
            place.setting(self._note),
            lease_seconds=lease_seconds,
            min_free_bytes=min_free_mb * 10**6,
            keep_workspaces=keep_workspaces,
        )
        check_policy(place.databases, 1, lease_seconds, self._note)
        self._desk = WorkerDesk(place, setting, repository_name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take all workers away, whose tasks go back to the queue, and close the database."""
        self._desk.close()

    def register_worker(self, name: str | None = None, *, session: SessionRow | str | None = None) -> WorkerRow:
        """Add a worker of this process.

        Args:
            name: What its id begins with; default is the host's name and the process's number.
            session: The only session whose runs it takes; None for those of any.

        Raises:
            UsageError: It cannot be a name, there is no such session, or the database does not take one more.
            SurroundingsError: The database or the runs directory cannot be used.
        """
        if name is not None:
            check_name(name)
        enrolment = self._desk.enrolled()
        named = session.id if isinstance(session, SessionRow) else session
        session_id = None if named is None else find_session(enrolment.shop.engine, None, named).id
        return self.get_worker(enrolment.hire(name, session_id).worker_id)

    def unregister_worker(self, worker: WorkerRow | str) -> None:
        """Take a worker away; a task that it has goes back to the queue, with all that was delivered for it.

        Raises:
            StaleTaskError: It is not a worker of this process.
            DatabaseError: It is not taken away; try again.
        """
        self._desk.take_away(worker)

    def heartbeat(self, worker: WorkerRow | str) -> Heartbeat:
        """Say that a worker is there, which renews the lease of its task; learn whether the task goes on.

        Raises:
            StaleTaskError: It is not a worker of this process.
            DatabaseUnavailable: It could not be said. The next one may be in time.
        """
        enrolment, hand = self._desk.hand(worker)
        shop, task = enrolment.shop, hand.at_work
        with transaction(shop.engine) as connection:
            supervisors.beat(connection, shop.me.id, at=shop.now(connection), worker_id=hand.worker_id)
        if task is None:
            return Heartbeat(hand.worker_id)
        row = task.row
        with transaction(shop.engine) as connection:
            held = leases.renew(connection, {row.id: row.lease_term}, at=shop.now(connection))
            wanted = intents.wanted(connection, held)
        if hand.at_work is not task or hand.is_ending:
            return Heartbeat(hand.worker_id)
        return Heartbeat(hand.worker_id, row.run_id, is_lost=row.id not in held, intent=wanted.get(row.id))

    def assign_task(self, worker: WorkerRow | str) -> Task | None:
        """Claim the next run that is due for a worker; None if none is.

        Returns when its workspace is ready, which may take a while: other threads go on beating meanwhile. A run whose
        workspace cannot be made fails, or waits for another worker; that is noted, and None is returned.

        Raises:
            UsageError: It has a task already.
            StaleTaskError: It is not a worker of this process.
            NoRoomError: A disk has too little room.
            DatabaseError: The database cannot be used; if a run was claimed, the next call returns it.
        """
        enrolment, hand = self._desk.hand(worker)
        with hand.turn:
            if hand.at_work is not None and hand.delivery is not None:
                hint = "complete_task or release_task first"
                raise UsageError(f"worker {hand.worker_id!r} is at run {hand.at_work.row.run_id!r}", hint=hint)
            # What an earlier call could not make ready, nor put down: the database was away.
            give_up(enrolment.shop, hand)
            enrolment.look_around()
            return take_up(enrolment.shop, enrolment.claimant, hand)

    def deliver_results(
        self, worker: WorkerRow | str, documents: Sequence[Delivered], *, lease_term: int | None = None
    ) -> None:
        """Store results of a task that goes on: what is stored is not done again if the worker dies.

        Args:
            worker: Whose task it is.
            documents: `DeliveredDocument`s, or mappings with their fields.
            lease_term: Of the task that is meant; None for that which the worker has.

        Raises:
            UsageError: Something of it cannot be a result of this task; nothing was stored.
            StaleTaskError: The task is not the worker's any more; nothing was stored.
            DatabaseError: The database cannot be used; the same call can be made again.
        """
        delivered = checked(documents)
        with self._desk.turn(worker, lease_term) as turn:
            turn.delivery.take_in(delivered)

    def complete_task(
        self,
        worker: WorkerRow | str,
        status: RunStatus | str = RunStatus.SUCCEEDED,
        error: str | None = None,
        *,
        documents: Sequence[Delivered] = (),
        transient: bool = False,
        lease_term: int | None = None,
    ) -> RunReport:
        """End a task, publish its results, and give its locks free.

        Args:
            worker: Whose task it is.
            status: `succeeded` or `failed`. A run with a failed document has failed, whatever is said; documents of a
                run that succeeded, and of which nothing was delivered, are skipped.
            error: Why it failed.
            documents: As for `deliver_results`; those that were delivered before need not be repeated.
            transient: Whether what made it fail can pass by itself: it is tried again, if tries are left.
            lease_term: Of the task that is meant; None for that which the worker has.

        Returns:
            How the run stands then.

        Raises:
            UsageError: The state is no end of a task, or something of it cannot be a result; the task goes on.
            StaleTaskError: The task is not the worker's any more; nothing of it was changed.
            DatabaseError: The database cannot be used; the same call can be made again.
        """
        ended = endings.status_of(status, error)
        delivered = checked(documents)
        with self._desk.turn(worker, lease_term) as turn:
            ending = turn.task.ending
            if ending is None:
                turn.delivery.take_in(delivered)
                if ended is RunStatus.SUCCEEDED:
                    ending = endings.of_documents(turn.delivery.leave_out())
                else:
                    ending = endings.failed(turn.shop, turn.task.row, error, transient=transient)
            return self._put_down(turn, ending)

    def release_task(
        self, worker: WorkerRow | str, reason: str | None = None, *, lease_term: int | None = None
    ) -> RunReport:
        """Put a task down that has not ended: it goes back to the queue, with all that was delivered for it.

        That costs no attempt. If the heartbeat has told that the run is to be paused it rests there; if it is to be
        cancelled, it has ended.

        Args:
            worker: Whose task it is.
            reason: Why, for its history.
            lease_term: Of the task that is meant; None for that which the worker has.

        Returns:
            How the run stands then.

        Raises:
            StaleTaskError: The task is not the worker's any more; nothing of it was changed.
            DatabaseError: The database cannot be used; the same call can be made again.
        """
        with self._desk.turn(worker, lease_term) as turn:
            why = reason or "its worker has put it down"
            return self._put_down(turn, endings.released(turn.shop, turn.task.row, why))

    def get_worker(self, worker: WorkerRow | str) -> WorkerRow:
        """Return a worker as it stands now, of whatever process, whether or not that is there.

        Raises:
            UsageError: There never was one of that id.
        """
        return self._desk.find(worker)

    def list_workers(self, status: WorkerStatus | str | None = None) -> list[WorkerRow]:
        """Return the workers of this repository, of whatever process, but for those that were taken away.

        Args:
            status: Only those in this state.

        Raises:
            UsageError: There is no such state.
        """
        if status is not None and status not in set(WorkerStatus):
            raise UsageError(f"there is no state {status!r}", hint=f"one of {', '.join(WorkerStatus)}")
        return [one for one in self._desk.present() if status in {None, one.status}]

    def scale_workers(self, number: int, supervisor: str | None = None) -> Scaled:
        """Ask a supervisor to have so many workers, as `supervisor workers scale` does; programs have their own way.

        Args:
            number: How many.
            supervisor: Its id, or the beginning of it; None for the only one that lives.

        Raises:
            UsageError: None is meant, or more than one, or the number is not possible.
        """
        if number < 1:
            raise UsageError(f"{number} workers are too few", hint="at least 1")
        if not self._desk.place.has_control:
            raise nobody_works()
        with self._desk.place.open_workshop(self._note) as shop:
            return scale(shop, self._desk.repository, number, supervisor)

    def _put_down(self, turn: Turn, ending: Ending) -> RunReport:
        shop = turn.shop
        put_down(shop, turn.hand, ending)
        # The task has ended, and nobody can ask for it again.
        for attempt in patiently(shop.me.lease_seconds, unless=shop.hurry):
            with attempt:
                (report,) = report_runs(shop.engine, shop.databases, shop.runs_directory, [turn.task.row.id])
        return report
