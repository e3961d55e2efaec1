"""Everything that can be found wrong with a command before anything is created."""

from collections.abc import Callable, Sequence

from supervisor.artifacts.layout import RunsDirectory, machine_state
from supervisor.errors import UsageError
from supervisor.git.errors import WorkspaceInUseError
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.run_ids import RunSelection
from supervisor.ocr.engines.tesseract import check_languages
from supervisor.supervision.opening import check_runs_directory
from supervisor.supervision.planning.planner import PlannedRun, Planner

_JOB_FILE_PATTERNS = ("ocr-jobs/**",)


class Preflight:
    """Resolves what a command names, and looks at the place where it would happen."""

    def __init__(self, repository: Repository, runs_directory: RunsDirectory, *, note: Callable[[str], None]) -> None:
        self._repository = repository
        self._runs_directory = runs_directory
        self._workspaces = WorkspaceManager(repository, runs_directory.root)
        self._run_locks = ExecutorLockManager(runs_directory.root)
        self._note = note
        self._head: str | None = None

    def plan(
        self, selections: Sequence[RunSelection], *, ref: str, job_files: Sequence[str], working_tree: bool
    ) -> list[PlannedRun]:
        """Resolve runs to commits, jobs and documents, without creating anything.

        Raises:
            UsageError: A job file, job or ref is wrong.
        """
        told: set[str] = set()

        def note_once(line: str) -> None:
            if line not in told:
                told.add(line)
                self._note(line)

        planner = Planner(self._repository, job_files=job_files, note=note_once)
        if working_tree:
            if ref != "HEAD" or any(selection.ref for selection in selections):
                raise UsageError("--working-tree runs the files as they are; a ref has no meaning beside it")
            always = (*_JOB_FILE_PATTERNS, *job_files)
            first = self._repository.snapshot((), always)
            patterns = [pattern for selection in selections for pattern in planner.patterns(selection, first)]
            commit = self._repository.snapshot(patterns, always)
            return [planner.plan(selection, commit, compare=False) for selection in selections]
        self._head = self._repository.resolve("HEAD") if self._repository.work_tree else None
        commits = {"HEAD": self._head} if self._head else {}
        for name in {one.ref or ref for one in selections} - set(commits):
            commits[name] = self._repository.resolve(name)
        return [
            planner.plan(one, commits[one.ref or ref], compare=commits[one.ref or ref] == self._head)
            for one in selections
        ]

    def check_surroundings(self, planned: Sequence[PlannedRun]) -> None:
        """Find out what would make the runs fail later, while nothing is created.

        Raises:
            UsageError: The runs directory cannot be used, or a workspace has somebody's work in it.
            SurroundingsError: tesseract or a language is missing.
        """
        check_runs_directory(self._repository, self._runs_directory, head=self._head)
        check_languages([job for run in planned for job in run.spec.jobs], state_dir=machine_state())
        for run in planned:
            state = self._workspaces.inspect(run.run_id)
            if state is not None and state.work and not self._run_locks.is_held(run.run_id):
                raise WorkspaceInUseError(str(state.path), state.work)
