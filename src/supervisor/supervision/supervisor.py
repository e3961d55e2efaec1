"""The front door: run ids in, a report out."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Unpack

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.progress import RunProgress
from supervisor.board.report import SessionReport, report_runs, report_session
from supervisor.clock import Clock, SystemClock
from supervisor.config import cache_directory, cache_limit_bytes, runs_directory
from supervisor.errors import UsageError
from supervisor.git.repository import Repository
from supervisor.logs.lines import LogLine
from supervisor.model.intents import DEFAULT_CANCEL_GRACE_SECONDS
from supervisor.model.lease import DEFAULT_LEASE_SECONDS
from supervisor.model.run_ids import RunSelection
from supervisor.ocr.slots.capacity import measure_capacity
from supervisor.room import DEFAULT_MIN_FREE_MB
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.supervision.control.resumption import resume
from supervisor.supervision.control.selection import find_session, unknown_name
from supervisor.supervision.duty import on_duty, said_as_stopped
from supervisor.supervision.errand import Queue
from supervisor.supervision.execution import execute, execute_submission
from supervisor.supervision.opening import Setting, check_name, check_policy, check_runs_directory, databases_for
from supervisor.supervision.outcome import Outcome, ResumeOutcome, WorkOutcome
from supervisor.supervision.person import user_name
from supervisor.supervision.place import Place
from supervisor.supervision.planning.order import Order, RunOptions
from supervisor.supervision.planning.planner import PlannedRun
from supervisor.supervision.planning.preflight import Preflight
from supervisor.supervision.rescue import Rescuer
from supervisor.supervision.results import RunResult
from supervisor.supervision.staff import Staff
from supervisor.supervision.submission import Request, Submission, register, submit
from supervisor.supervision.workshop import CacheSetting, Workshop


class ParallelRunSupervisor:
    """Executes runs of one repository, each in a worktree and an executor process of its own.

    Example:
        outcome = ParallelRunSupervisor("archive", workers=3).run(["letters", "books"])
    """

    def __init__(
        self,
        repo: str | Path | Repository = ".",
        *,
        runs_dir: str | Path | None = None,
        repository_name: str | None = None,
        workers: int = 1,
        ocr_workers: int | None = None,
        database_url: str | None = None,
        per_run_sqlite: bool = False,
        lease_seconds: int = DEFAULT_LEASE_SECONDS,
        cancel_grace_seconds: int = DEFAULT_CANCEL_GRACE_SECONDS,
        worker_name: str | None = None,
        min_free_mb: int = DEFAULT_MIN_FREE_MB,
        keep_workspaces: bool = False,
        retain_days: int | None = None,
        cache_dir: str | Path | None = None,
        use_cache: bool = True,
        observer: Callable[[RunProgress], None] | None = None,
        note: Callable[[str], None] | None = None,
        listener: Callable[[LogLine], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Find the repository; nothing is created yet.

        Args:
            repo: A directory in it, or the repository, where that was found before.
            runs_dir: Where runs are kept; see `config.runs_directory` for the default.
            repository_name: What the repository is known by; default is its first commit.
            workers: Executors at a time.
            ocr_workers: Page processes for each executor; default is as many as the machine has OCR slots, at least 2.
            database_url: Of PostgreSQL, which any number of supervisors share, or of SQLite, for one worker alone.
            per_run_sqlite: Whether files in the runs directory are the wanted place, whatever the URL says. Without a
                URL they are used all the same, and it is said.
            lease_seconds: How long this supervisor may be silent before its runs are another's to take.
            cancel_grace_seconds: How long what a cancelled run has started may take to end by itself.
            worker_name: What the names of its workers begin with; default is the host's name and the process's number.
            min_free_mb: With how much room on a disk, in MB of a million bytes, the work stops; 0 if nobody is to look.
            keep_workspaces: Leave the worktrees in place when runs end.
            retain_days: After how many days at rest worktrees without work, and results, are removed; None for never.
            cache_dir: Where recognised pages are kept; see `config.cache_directory` for the default.
            use_cache: Whether pages that are known from elsewhere are taken, and new ones kept.
            observer: Told of every change of a run.
            note: Told, a line at a time, what else a person should know.
            listener: Told of every line of the supervisor's log, in whatever thread it is written.
            clock: The time.

        Raises:
            UsageError: The directory is in no repository, the repository has no commit, a number is out of range, or
                the database cannot be used that way.
            SurroundingsError: Git is missing or too old, or refuses the repository.
        """
        if workers < 1 or (ocr_workers is not None and ocr_workers < 1):
            raise UsageError("workers and ocr_workers are at least 1")
        if retain_days is not None and retain_days < 1:
            raise UsageError(f"results cannot be kept for {retain_days} days", hint="at least 1")
        if cancel_grace_seconds < 0:
            raise UsageError(f"a grace of {cancel_grace_seconds} s is not possible", hint="0 means none")
        self.repository = repo if isinstance(repo, Repository) else Repository.discover(Path(repo))
        self.runs_directory = RunsDirectory(
            runs_directory(
                runs_dir,
                os.environ,
                main_work_tree=self.repository.main_work_tree,
                common_dir=self.repository.common_dir,
            )
        )
        cache = CacheSetting(cache_directory(cache_dir, os.environ), cache_limit_bytes(os.environ))
        self._repository_name = repository_name
        self._workers = workers
        self._setting = Setting(
            repository=self.repository,
            runs_directory=self.runs_directory,
            databases=databases_for(self.runs_directory, database_url, per_run_sqlite=per_run_sqlite),
            ocr_workers=ocr_workers or measure_capacity(os.environ).page_processes,
            cache=cache if use_cache else None,
            lease_seconds=lease_seconds,
            cancel_grace_seconds=cancel_grace_seconds,
            name=worker_name,
            min_free_bytes=min_free_mb * 10**6,
            keep_workspaces=keep_workspaces,
            retain_days=retain_days,
            observer=observer or (lambda _progress: None),
            note=note or (lambda _line: None),
            clock=clock or SystemClock(),
            listener=listener,
        )
        self._says_where = not database_url and not per_run_sqlite
        if worker_name is not None:
            check_name(worker_name)
        check_policy(self._setting.databases, workers, lease_seconds, self._setting.note)

    def run(
        self,
        run_ids: Sequence[str | RunSelection],
        *,
        session: str | None = None,
        **options: Unpack[RunOptions],
    ) -> Outcome:
        """Execute runs until all have ended; SIGINT and SIGTERM end them early, in a state that can be continued.

        Args:
            run_ids: What to run; a selection may name a ref of its own.
            session: Title; default is the run ids.
            options: See `RunOptions`.

        Raises:
            UsageError: A run id, job file, job or ref is wrong; nothing was created.
            HeldError: A run is executing elsewhere; nothing was started.
            NoRoomError: A disk has too little room, before or meanwhile; the runs go on with the next command.
            SurroundingsError: tesseract, a language or the database is missing, or the database was away for so long
                that the runs are another's to take.
        """
        order = Order.of(run_ids, session, **options)
        planned = self._plan(order)
        with self._workshop(min(self._workers, len(planned))) as shop:
            with on_duty(shop):
                repository = self._repository_identity(planned[0].commit)
                submission = self._submit(shop, order, planned, repository, served=True)
                number = execute_submission(shop, repository, planned, submission)
            with said_as_stopped(number):
                databases, directory = shop.databases, self.runs_directory
                report = report_session(shop.engine, databases, directory, submission.session_id, submission.rows)
                results = zip(report.runs, submission.rows, strict=True)
                return Outcome(report, number, [RunResult.of(run, row, databases) for run, row in results])

    def start(
        self, title: str | None, run_ids: Sequence[str | RunSelection], **options: Unpack[RunOptions]
    ) -> SessionReport:
        """Make a running session and leave its runs to whoever works in this repository.

        Args:
            title: Of the session; default is the run ids.
            run_ids: What to run; a selection may name a ref of its own.
            options: See `RunOptions`.

        Raises:
            UsageError: A run id, job file, job or ref is wrong; nothing was created.
            HeldError: A run is queued or executing under somebody who lives; nothing was created.
            SurroundingsError: tesseract, a language or the database is missing.
        """
        order = Order.of(run_ids, title, **options)
        planned = self._plan(order)
        with self._workshop(self._workers) as shop:
            repository = self._repository_identity(planned[0].commit)
            submission = self._submit(shop, order, planned, repository, served=False)
            databases, directory = shop.databases, self.runs_directory
            return report_session(shop.engine, databases, directory, submission.session_id, submission.rows)

    def work(self, *, session: str | None = None, once: bool = False) -> WorkOutcome:
        """Execute what is queued for this repository, in any session, until SIGINT or SIGTERM.

        Args:
            session: Id or title, or the beginning of one, of the only session that is served.
            once: End when nothing is queued any more.

        Raises:
            UsageError: There is no such session.
            SurroundingsError: The database cannot be used, or was away for so long that the runs are another's.
        """
        check_runs_directory(self.repository, self.runs_directory)
        with self._workshop(self._workers) as shop:
            session_id = None if session is None else find_session(shop.engine, None, session).id
            repository = self._repository_identity(self.repository.resolve("HEAD"))
            scope = Scope(session_id, [repository])
            rescuer = Rescuer(shop, scope)
            queue = Queue(shop, scope, rescuer, once=once)
            with on_duty(shop):
                with transaction(shop.engine) as connection:
                    at = shop.now(connection)
                    workers = register(connection, shop.databases, self.runs_directory, shop.me, scope, at=at)
                number = execute(shop, repository, queue, rescuer, Staff(shop, scope, workers))
            with said_as_stopped(number):
                reports = report_runs(shop.engine, shop.databases, self.runs_directory, queue.rows)
                return WorkOutcome(shop.me.id, reports, number)

    def resume(self, names: Sequence[str] = ()) -> ResumeOutcome:
        """Go on with runs and sessions that were paused, or whose supervisor is gone; execute what nobody serves.

        Args:
            names: What is to go on; see `selection.resolve`. None: all that nobody serves any more and nobody has
                paused; if there is no such thing, all that is paused.

        Raises:
            UsageError: A name stands for nothing, or for several things; nothing was resumed.
            HeldError: A run rests because its session does; nothing was resumed.
            SurroundingsError: tesseract, a language or the database is missing, or the database was away for so long
                that the runs are another's to take.
        """
        if not Place(self.repository, self.runs_directory, self._setting.databases).has_control:
            if names:
                raise unknown_name(names[0])
            return ResumeOutcome()
        preflight = Preflight(self.repository, self.runs_directory, note=self._setting.note)

        def check(planned: Sequence[PlannedRun]) -> None:
            self._setting.check_room()
            preflight.check_surroundings(planned)

        with self._workshop(self._workers, anew=False) as shop:
            repository = self._repository_identity(self.repository.resolve("HEAD"))
            return resume(shop, repository, names, check)

    def _plan(self, order: Order) -> list[PlannedRun]:
        self._setting.check_room()
        preflight = Preflight(self.repository, self.runs_directory, note=self._setting.note)
        planned = preflight.plan(
            order.selections, ref=order.ref, job_files=order.job_files, working_tree=order.working_tree
        )
        preflight.check_surroundings(planned)
        return planned

    @contextmanager
    def _workshop(self, workers: int, *, anew: bool = True) -> Iterator[Workshop]:
        if anew:
            self._setting.check_room()
        if anew and self._says_where:
            self._setting.note("no database is named: results go to an SQLite database of each run")
        shop = self._setting.open_workshop(workers)
        try:
            yield shop
        finally:
            shop.engine.dispose()

    def _submit(
        self, shop: Workshop, order: Order, planned: Sequence[PlannedRun], repository: str, *, served: bool
    ) -> Submission:
        """Create or continue the runs."""
        request = Request(
            planned=planned,
            handling=order.handling,
            repository=repository,
            title=order.title,
            actor=user_name(),
            directory=self.runs_directory,
            databases=shop.databases,
        )
        submission = submit(shop.engine, request, shop.me if served else None, shop.clock)
        self.repository.pin({run.run_id: run.commit for run in planned})
        for run in planned:
            shop.note(f"run {run.run_id}: {', '.join(run.spec.job_files)} at commit {run.commit[:12]}")
        return submission

    def _repository_identity(self, commit: str) -> str:
        # A shallow clone lacks the first commit; where it stands is then all that it is known by.
        return self._repository_name or self.repository.identity(commit) or str(self.repository.common_dir)
