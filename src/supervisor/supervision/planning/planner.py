"""From run ids to resolved work: everything is read from the commit and checked before anything is created."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from supervisor.executor.spec import RunSpec
from supervisor.git.repository import Repository
from supervisor.git.tree import TreeFile
from supervisor.model.run_ids import RunSelection
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.jobs.jobfile import parse_job_file
from supervisor.supervision.planning.documents import DocumentResolver, PlanError
from supervisor.supervision.planning.jobfiles import JOBS_DIRECTORY, job_files_in, job_files_of


@dataclass(frozen=True)
class PlannedRun:
    """A run, resolved: on which commit it does what."""

    run_id: str
    commit: str
    spec: RunSpec


class Planner:
    """Resolves runs of one repository; what several of them need is looked up once."""

    def __init__(self, repository: Repository, *, job_files: Sequence[str], note: Callable[[str], None]) -> None:
        """Remember the options.

        Args:
            repository: Where the documents are.
            job_files: The job files that every run executes, if they were named.
            note: Told what the user should know, one line at a time.
        """
        self._repository = repository
        self._job_files = job_files
        self._resolver = DocumentResolver(repository, note=note)
        self._found: dict[str, Mapping[str, TreeFile]] = {}

    def patterns(self, selection: RunSelection, commit: str) -> list[str]:
        """Return the document patterns, and the paths of other files, that the jobs of a run name.

        Raises:
            UsageError: A job file is missing or wrong.
        """
        paths = self._paths(selection.run_id, commit, uncommitted=())
        jobs = self._jobs(selection.run_id, commit, paths)
        patterns = [pattern for job in jobs for pattern in job.documents]
        beside = [path for job in jobs for path in (job.user_words, job.user_patterns) if path]
        folders = [f"{job.tessdata_dir}/**" for job in jobs if job.tessdata_dir]
        return [*patterns, *beside, *folders]

    def plan(self, selection: RunSelection, commit: str, *, compare: bool) -> PlannedRun:
        """Resolve one run.

        Args:
            selection: The run.
            commit: What it runs on.
            compare: Whether to tell the user about matching files that are not committed as they are.

        Raises:
            UsageError: A job file is missing or wrong, two jobs claim one document, or a job matches nothing.
        """
        changed_jobs = self._changed_job_files if compare else ()
        paths = self._paths(selection.run_id, commit, uncommitted=changed_jobs)
        jobs = self._jobs(selection.run_id, commit, paths)
        self._resolver.tell_uncommitted([path for path in paths if path in changed_jobs])
        resolved = self._resolver.resolve(f"run {selection.run_id!r}", commit, jobs, compare=compare)
        spec = RunSpec(tuple(paths), tuple(jobs), resolved.documents, resolved.support_files)
        return PlannedRun(selection.run_id, commit, spec)

    @cached_property
    def _changed_job_files(self) -> Sequence[str]:
        return self._resolver.changed([f"{JOBS_DIRECTORY}/**/*.toml"])

    def _paths(self, run_id: str, commit: str, *, uncommitted: Sequence[str]) -> Sequence[str]:
        if self._job_files:
            return self._job_files
        return job_files_of(run_id, self._available(commit), uncommitted=uncommitted, commit=commit)

    def _available(self, commit: str) -> Mapping[str, TreeFile]:
        if commit not in self._found:
            self._found[commit] = job_files_in(self._repository, commit)
        return self._found[commit]

    def _content(self, commit: str, path: str) -> bytes | None:
        file = None if self._job_files else self._available(commit)[path]
        if file is None:
            return self._repository.read(commit, path)
        return None if file.is_link else self._repository.content(file.blob_sha)

    def _jobs(self, run_id: str, commit: str, paths: Sequence[str]) -> list[Job]:
        found: dict[str, str] = {}
        jobs: list[Job] = []
        for path in paths:
            content = self._content(commit, path)
            if content is None:
                raise PlanError(
                    f"job file {path} is not in commit {commit[:12]}",
                    hint=f"git add {shlex.quote(path)} && git commit, or use --working-tree",
                )
            for job in parse_job_file(content, path).jobs:
                if job.name in found:
                    raise PlanError(f"run {run_id!r}: {found[job.name]} and {path} both have a job {job.name!r}")
                found[job.name] = path
                jobs.append(job)
        return jobs
