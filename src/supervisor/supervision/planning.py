"""From run ids to resolved work: everything is read from the commit and checked before anything is created."""

import posixpath
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from supervisor.errors import UsageError
from supervisor.executor.spec import RunSpec, SpecDocument
from supervisor.git.repository import Repository
from supervisor.git.tree import TreeFile
from supervisor.model.paths import path_text
from supervisor.model.run_ids import RunSelection
from supervisor.ocr.job import Job
from supervisor.ocr.jobfile import parse_job_file
from supervisor.supervision.jobfiles import JOBS_DIRECTORY, job_files_in, job_files_of

_SYMLINK = 0o120000
_MAX_LINKS = 8


class PlanError(UsageError):
    """The jobs of a run cannot be resolved."""


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
        self._note = note

    def patterns(self, selection: RunSelection, commit: str) -> list[str]:
        """Return the document patterns, and the paths of other files, that the jobs of a run name.

        Raises:
            UsageError: A job file is missing or wrong.
        """
        paths = self._job_files or job_files_of(
            selection.run_id, job_files_in(self._repository, commit), uncommitted=(), commit=commit
        )
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
        changed_jobs = self._changed([f"{JOBS_DIRECTORY}/**/*.toml"]) if compare else []
        paths = self._job_files or job_files_of(
            selection.run_id, job_files_in(self._repository, commit), uncommitted=changed_jobs, commit=commit
        )
        jobs = self._jobs(selection.run_id, commit, paths)
        self._tell_uncommitted([path for path in paths if path in changed_jobs])
        documents: dict[bytes, SpecDocument] = {}
        support: set[str] = set()
        for job in jobs:
            files = self._repository.files(commit, job.documents, job.exclude)
            changed = self._changed(job.documents, job.exclude) if compare else []
            if not files and not job.allow_empty:
                raise self._nothing_matched(selection.run_id, job, changed)
            self._tell_uncommitted(changed)
            support |= self._support_files(selection.run_id, commit, job)
            for file in files:
                other = documents.get(file.path)
                if other is not None:
                    raise PlanError(
                        f"run {selection.run_id!r}: jobs {other.job!r} and {job.name!r} both match {other.path}",
                        hint="narrow `documents` or add an `exclude` to one of them",
                    )
                documents[file.path] = _document(file, job)
                if file.mode == _SYMLINK:
                    support |= self._link_targets(commit, file)
        ordered = [documents[path] for path in sorted(documents)]
        return PlannedRun(selection.run_id, commit, RunSpec(tuple(paths), tuple(jobs), ordered, sorted(support)))

    def _jobs(self, run_id: str, commit: str, paths: Sequence[str]) -> list[Job]:
        found: dict[str, str] = {}
        jobs: list[Job] = []
        for path in paths:
            content = self._repository.read(commit, path)
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

    def _changed(self, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[str]:
        return [path_text(file.path) for file in self._repository.uncommitted(patterns, exclude)]

    def _tell_uncommitted(self, paths: Sequence[str]) -> None:
        if paths:
            self._note(f"not committed as they are now, so not part of this run: {_listed(paths)}")
            self._note(f"  to include them: git add {_arguments(paths)} && git commit, or use --working-tree")

    def _nothing_matched(self, run_id: str, job: Job, changed: Sequence[str]) -> PlanError:
        message = f"run {run_id!r}: job {job.name!r} matches no committed document ({', '.join(job.documents)})"
        if changed:
            return PlanError(message, hint=f"git add {_arguments(changed)} && git commit, or use --working-tree")
        return PlanError(message, hint="check its `documents`, or set `allow_empty = true`")

    def _support_files(self, run_id: str, commit: str, job: Job) -> set[str]:
        """Return what a job names beside its documents.

        Raises:
            PlanError: It is not in the commit.
        """
        needed = [path for path in (job.user_words, job.user_patterns) if path]
        if job.tessdata_dir:
            needed += [posixpath.join(job.tessdata_dir, f"{language}.traineddata") for language in job.languages]
        found: set[str] = set()
        for path in needed:
            if self._repository.read(commit, path) is None:
                raise PlanError(f"run {run_id!r}: job {job.name!r} needs {path}, which is not in commit {commit[:12]}")
            found.add(path)
        if job.tessdata_dir:
            found |= {path_text(file.path) for file in self._repository.list_files(commit, job.tessdata_dir)}
        return found

    def _link_targets(self, commit: str, link: TreeFile) -> set[str]:
        """Follow a committed symbolic link to what must be checked out with it; to nothing where it leads elsewhere."""
        targets: set[str] = set()
        for _ in range(_MAX_LINKS):
            target = posixpath.normpath(
                posixpath.join(
                    posixpath.dirname(path_text(link.path)), path_text(self._repository.link_target(link.blob_sha))
                )
            )
            folder, name = posixpath.split(target)
            entries = self._repository.list_files(commit, folder) if not target.startswith(("/", "..")) else []
            entry = next((file for file in entries if posixpath.basename(path_text(file.path)) == name), None)
            if entry is None:
                break
            targets.add(target)
            if entry.mode != _SYMLINK:
                break
            link = entry
        return targets


def _document(file: TreeFile, job: Job) -> SpecDocument:
    text = path_text(file.path)
    raw = None if text.encode() == file.path else file.path.hex()
    return SpecDocument(path=text, blob_sha=file.blob_sha, job=job.name, raw=raw)


def _arguments(paths: Iterable[str]) -> str:
    """Return shell words that name the paths; many of them are named by their folders."""
    names = list(paths)
    if len(names) > 4:
        names = sorted({posixpath.dirname(path) or "." for path in names})
    return " ".join(shlex.quote(name) for name in names)


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")
