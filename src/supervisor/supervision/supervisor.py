"""The front door: run ids in, a report out."""

import getpass
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.progress import RunProgress
from supervisor.board.report import SessionReport, report_session
from supervisor.clock import Clock, SystemClock
from supervisor.config import runs_directory
from supervisor.errors import UsageError
from supervisor.executor.forkserver import ensure_fork_server, stop_fork_server
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.run_ids import RunSelection, check_distinct, check_run_id
from supervisor.model.states import RunStatus
from supervisor.store import runs, supervisors
from supervisor.store.engine import open_engine, sqlite_url, transaction
from supervisor.store.schema import prepare_control
from supervisor.supervision.loop import Loop
from supervisor.supervision.planning import PlannedRun
from supervisor.supervision.preflight import Preflight
from supervisor.supervision.presence import being_present, this_supervisor
from supervisor.supervision.rescue import rescue, settle_leftovers
from supervisor.supervision.submission import Request, Submission, submit
from supervisor.supervision.workshop import Workshop


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        report: The session and the runs that were named.
        signal: The number of the signal that ended it early; None if it went on to the end.
    """

    report: SessionReport
    signal: int | None

    @property
    def exit_code(self) -> int:
        """What the command exits with."""
        return self.report.exit_code if self.signal is None else 128 + self.signal


class ParallelRunSupervisor:
    """Executes runs of one repository, each in a worktree and an executor process of its own.

    Example:
        outcome = ParallelRunSupervisor("archive", workers=3).run(["letters", "books"])
    """

    def __init__(
        self,
        repo: str | Path = ".",
        *,
        runs_dir: str | Path | None = None,
        repository_name: str | None = None,
        workers: int = 1,
        ocr_workers: int = 2,
        per_run_sqlite: bool = False,
        keep_workspaces: bool = False,
        observer: Callable[[RunProgress], None] | None = None,
        note: Callable[[str], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Find the repository; nothing is created yet.

        Args:
            repo: A directory in it.
            runs_dir: Where runs are kept; see `config.runs_directory` for the default.
            repository_name: What the repository is known by; default is its first commit.
            workers: Executors at a time.
            ocr_workers: Page processes for each executor.
            per_run_sqlite: Whether that is the wanted place for results; otherwise it is used all the same, and said.
            keep_workspaces: Leave the worktrees in place when runs end.
            observer: Told of every change of a run.
            note: Told, a line at a time, what else a person should know.
            clock: The time.

        Raises:
            UsageError: The directory is in no repository, the repository has no commit, or a number is out of range.
            SurroundingsError: Git is missing or too old, or refuses the repository.
        """
        if workers < 1 or ocr_workers < 1:
            raise UsageError("workers and ocr_workers are at least 1")
        self.repository = Repository.discover(Path(repo))
        self.runs_directory = RunsDirectory(
            runs_directory(
                runs_dir,
                os.environ,
                main_work_tree=self.repository.main_work_tree,
                common_dir=self.repository.common_dir,
            )
        )
        self._repository_name = repository_name
        self._workers = workers
        self._ocr_workers = ocr_workers
        self._per_run_sqlite = per_run_sqlite
        self._keep_workspaces = keep_workspaces
        self._observer = observer or (lambda _progress: None)
        self._note = note or (lambda _line: None)
        self._clock = clock or SystemClock()
        self._workspaces = WorkspaceManager(self.repository, self.runs_directory.root)
        self._run_locks = ExecutorLockManager(self.runs_directory.root)

    def run(
        self,
        run_ids: Sequence[str | RunSelection],
        *,
        ref: str = "HEAD",
        job_files: Sequence[str] = (),
        working_tree: bool = False,
        session: str | None = None,
    ) -> Outcome:
        """Execute runs until all have ended; SIGINT and SIGTERM end them early, in a state that can be continued.

        Args:
            run_ids: What to run; a selection may name a ref of its own.
            ref: The commit to run on.
            job_files: Paths in the repository, for all runs; default is each run's own.
            working_tree: Run on a temporary commit of the work tree's documents and job files as they are now.
            session: Title; default is the run ids.

        Raises:
            UsageError: A run id, job file, job or ref is wrong; nothing was created.
            HeldError: A run is executing elsewhere; nothing was started.
            SurroundingsError: tesseract, a language or the database is missing.
        """
        selections = [one if isinstance(one, RunSelection) else RunSelection(check_run_id(one)) for one in run_ids]
        if not selections:
            raise UsageError("no run is named", hint="name one, as in --run-ids letters")
        check_distinct([selection.run_id for selection in selections])
        preflight = Preflight(self.repository, self.runs_directory, note=self._note)
        planned = preflight.plan(selections, ref=ref, job_files=job_files, working_tree=working_tree)
        preflight.check_surroundings(planned)
        shop = self._open_workshop(len(planned))
        try:
            title = session or ", ".join(selection.run_id for selection in selections)
            with being_present(self.runs_directory, shop.me.id):
                submission, number = self._submit_and_execute(shop, planned, title)
            report = report_session(shop.engine, self.runs_directory, submission.session_id, submission.rows)
            return Outcome(report, number)
        finally:
            shop.engine.dispose()

    def _open_workshop(self, runs_count: int) -> Workshop:
        if not self._per_run_sqlite:
            self._note("no database is named: each run keeps its results in an SQLite database of its own")
        try:
            self.runs_directory.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"cannot make the runs directory {self.runs_directory.root}: {error.strerror}",
                hint="choose another one with --runs-dir",
            ) from error
        self.repository.exclude_from_status(self.runs_directory.root)
        engine = open_engine(sqlite_url(self.runs_directory.control_database))
        prepare_control(engine)
        return Workshop(
            repository=self.repository,
            runs_directory=self.runs_directory,
            workspaces=self._workspaces,
            run_locks=self._run_locks,
            engine=engine,
            me=this_supervisor(min(self._workers, runs_count)),
            clock=self._clock,
            ocr_workers=self._ocr_workers,
            keep_workspaces=self._keep_workspaces,
            observer=self._observer,
            note=self._note,
        )

    def _submit_and_execute(
        self, shop: Workshop, planned: Sequence[PlannedRun], title: str
    ) -> tuple[Submission, int | None]:
        """Create or continue the runs and execute them; whatever happens, we do not look alive afterwards."""
        request = Request(
            planned=planned,
            repository=self._repository_identity(planned[0].commit),
            title=title,
            actor=_user_name(),
            directory=self.runs_directory,
        )
        try:
            submission = submit(shop.engine, request, shop.me, at=shop.clock.now())
            for run in planned:
                self.repository.pin(run.run_id, run.commit)
            return submission, self._execute(shop, planned, submission)
        finally:
            with transaction(shop.engine) as connection:
                supervisors.sign_off(connection, shop.me.id, at=shop.clock.now())

    def _execute(self, shop: Workshop, planned: Sequence[PlannedRun], submission: Submission) -> int | None:
        """Take over what others left, then run the loop."""
        ours = ensure_fork_server(os.environ)
        try:
            with transaction(shop.engine) as connection:
                rows = runs.of_rows(connection, submission.rows)
            for row in rows:
                if row.status is RunStatus.RUNNING:
                    rescue(shop, row)
            settle_leftovers(shop, rows[0].repository)
            progress = [
                RunProgress(run.run_id, RunStatus.QUEUED, "queued", documents=len(run.spec.documents))
                for run in planned
            ]
            for run, one in zip(planned, progress, strict=True):
                self._note(f"run {run.run_id}: {', '.join(run.spec.job_files)} at commit {run.commit[:12]}")
                self._observer(one)
            return Loop(shop, progress, submission.rows, submission.worker_ids).run()
        finally:
            if ours:
                stop_fork_server()

    def _repository_identity(self, commit: str) -> str:
        # A shallow clone lacks the first commit; where it stands is then all that it is known by.
        return self._repository_name or self.repository.identity(commit) or str(self.repository.common_dir)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # Containers run under numbers that no name belongs to.
        return f"uid {os.getuid()}"
