"""The documents of some jobs, and what must be checked out beside them, looked up in a commit."""

import posixpath
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from supervisor.errors import UsageError
from supervisor.executor.spec import SpecDocument, SpecPath, spelled
from supervisor.git.changes import WorkTree
from supervisor.git.repository import Repository
from supervisor.git.tree import TreeFile
from supervisor.model.paths import path_text
from supervisor.ocr.jobs.job import Job

_MAX_LINKS = 8
_LISTED = 4


class PlanError(UsageError):
    """The jobs of a run cannot be resolved."""


@dataclass(frozen=True)
class Resolved:
    """What some jobs work on.

    Attributes:
        documents: In the order of their paths.
        support_files: What the jobs name beside them, and what symbolic links among them lead to.
    """

    documents: Sequence[SpecDocument]
    support_files: Sequence[SpecPath]


class DocumentResolver:
    """Looks up the documents of jobs, and tells what would match but is not committed."""

    def __init__(self, repository: Repository, *, note: Callable[[str], None]) -> None:
        """Remember where to look.

        Args:
            repository: Where the documents are.
            note: Told what the user should know, one line at a time.
        """
        self._repository = repository
        self._note = note

    def resolve(self, label: str, commit: str, jobs: Sequence[Job], *, compare: bool) -> Resolved:
        """Return what the jobs work on.

        Args:
            label: How messages name what the jobs belong to.
            commit: Where to look.
            jobs: Of one run.
            compare: Whether to tell about matching files that are not committed as they are.

        Raises:
            PlanError: Two jobs claim one document, a job matches nothing, or a file that it names is missing.
        """
        documents: dict[bytes, SpecDocument] = {}
        support: set[bytes] = set()
        for job in jobs:
            files = self._repository.files(commit, job.documents, job.exclude)
            changed = self.changed(job.documents, job.exclude) if compare else []
            if not files and not job.allow_empty:
                raise _nothing_matched(label, job, changed)
            self.tell_uncommitted(changed)
            support |= self._support_files(label, commit, job)
            for file in files:
                other = documents.get(file.path)
                if other is not None:
                    raise PlanError(
                        f"{label}: jobs {other.job!r} and {job.name!r} both match {other.path}",
                        hint="narrow `documents` or add an `exclude` to one of them",
                    )
                documents[file.path] = _document(file, job)
                if file.is_link:
                    support |= self._link_targets(commit, file)
        ordered = [documents[path] for path in sorted(documents)]
        _refuse_equal_spelling(label, ordered)
        return Resolved(ordered, [SpecPath.of(path) for path in sorted(support)])

    def changed(self, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[str]:
        """Return the matching paths at which the work tree differs from its HEAD."""
        files = self._work_tree.uncommitted(patterns, exclude) if self._work_tree else []
        return [path_text(file.path) for file in files]

    def tell_uncommitted(self, paths: Sequence[str]) -> None:
        """Tell the user what is left out, and the line that would include it."""
        if paths:
            self._note(f"not committed as they are now, so not part of this run: {_listed(paths)}")
            self._note(f"  to include them: git add {_arguments(paths)} && git commit, or use --working-tree")

    @cached_property
    def _work_tree(self) -> WorkTree | None:
        return self._repository.open_work_tree()

    def _support_files(self, label: str, commit: str, job: Job) -> set[bytes]:
        """Return what a job names beside its documents.

        Raises:
            PlanError: It is not in the commit.
        """
        needed = [path for path in (job.user_words, job.user_patterns) if path]
        if job.tessdata_dir:
            needed += [posixpath.join(job.tessdata_dir, f"{language}.traineddata") for language in job.languages]
        missing = [path for path in needed if self._repository.read(commit, path) is None]
        if missing:
            raise PlanError(f"{label}: job {job.name!r} needs {missing[0]}, which is not in commit {commit[:12]}")
        beside = self._repository.list_files(commit, job.tessdata_dir) if job.tessdata_dir else []
        return {path.encode() for path in needed} | {file.path for file in beside}

    def _link_targets(self, commit: str, link: TreeFile) -> set[bytes]:
        """Follow a committed symbolic link to what must be checked out with it; to nothing where it leads elsewhere."""
        targets: set[bytes] = set()
        for _ in range(_MAX_LINKS):
            written = self._repository.content(link.blob_sha)
            target = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), written))
            leads_out = target.startswith((b"/", b"../")) or target in {b".", b".."} or b"\0" in target
            entry = None if leads_out else self._repository.entry(commit, target)
            if entry is None:
                break
            targets.add(target)
            if not entry.is_link:
                break
            link = entry
        return targets


def _refuse_equal_spelling(label: str, documents: Sequence[SpecDocument]) -> None:
    """Raise PlanError if a path that is not UTF-8 is spelled like another one, whose results would be in its place."""
    seen: dict[str, SpecDocument] = {}
    for document in documents:
        other = seen.setdefault(document.path, document)
        if other is not document:
            raise PlanError(
                f"{label}: two documents are spelled {document.path}, one of them in bytes that are not UTF-8",
                hint="rename one of them",
            )


def _nothing_matched(label: str, job: Job, changed: Sequence[str]) -> PlanError:
    message = f"{label}: job {job.name!r} matches no committed document ({', '.join(job.documents)})"
    if changed:
        return PlanError(message, hint=f"git add {_arguments(changed)} && git commit, or use --working-tree")
    return PlanError(message, hint="check its `documents`, or set `allow_empty = true`")


def _document(file: TreeFile, job: Job) -> SpecDocument:
    text, raw = spelled(file.path)
    return SpecDocument(path=text, raw=raw, blob_sha=file.blob_sha, job=job.name)


def _arguments(paths: Iterable[str]) -> str:
    """Return shell words that name the paths; many of them are named by their folders."""
    names = list(paths)
    if len(names) > _LISTED:
        names = sorted({posixpath.dirname(path) or "." for path in names})
    return " ".join(shlex.quote(f"./{name}" if name.startswith("-") else name) for name in names)


def _listed(paths: Sequence[str]) -> str:
    return ", ".join(paths[:_LISTED]) + (f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else "")
