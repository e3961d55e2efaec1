"""Which job files a run executes, looked up in the commit that it runs on."""

import difflib
from collections.abc import Collection, Sequence

from supervisor.errors import UsageError
from supervisor.git.repository import Repository
from supervisor.git.tree import TreeFile
from supervisor.model.paths import path_text

JOBS_DIRECTORY = "ocr-jobs"
DEFAULT = f"{JOBS_DIRECTORY}/default.toml"
_EXAMPLE = (
    f'make {DEFAULT} with: version = 1, [[jobs]], name = "scans", documents = ["scans/**"], languages = ["eng"]; '
    f"then git add {JOBS_DIRECTORY} && git commit"
)


class JobFileMissingError(UsageError):
    """A run has no job file."""


def job_files_in(repository: Repository, commit: str) -> dict[str, TreeFile]:
    """Return all job files of a commit by path, sorted."""
    files = {path_text(file.path): file for file in repository.list_files(commit, JOBS_DIRECTORY)}
    return {path: files[path] for path in sorted(files) if path.endswith(".toml")}


def job_files_of(run_id: str, available: Collection[str], *, uncommitted: Collection[str], commit: str) -> list[str]:
    """Choose the job files of a run: its own file, the files of its own folder, else the default.

    Args:
        run_id: The run.
        available: All job files of the commit.
        uncommitted: Job files that exist but are not committed as they are.
        commit: Names the commit in messages.

    Raises:
        JobFileMissingError: There is none, or the default would hide a typing error.
    """
    own = f"{JOBS_DIRECTORY}/{run_id}.toml"
    if own in available:
        return [own]
    folder = [path for path in available if path.rpartition("/")[0] == f"{JOBS_DIRECTORY}/{run_id}"]
    if folder:
        return sorted(folder)
    if own in uncommitted:
        raise JobFileMissingError(
            f"run {run_id!r}: {own} is not committed",
            hint=f"git add {own} && git commit, or run the files as they are with --working-tree",
        )
    names = _names(available)
    near = difflib.get_close_matches(run_id, [name for name in names if name != "default"], n=1, cutoff=0.75)
    if near:
        raise JobFileMissingError(f"run {run_id!r} has no job file", hint=f"did you mean {near[0]!r}?")
    if DEFAULT in available:
        return [DEFAULT]
    if available:
        raise JobFileMissingError(
            f"run {run_id!r} has no job file in commit {commit[:12]}", hint=f"there are: {', '.join(names)}"
        )
    if uncommitted:
        raise JobFileMissingError(
            f"no job file is committed in {commit[:12]}",
            hint=f"git add {' '.join(sorted(uncommitted))} && git commit, or use --working-tree",
        )
    raise JobFileMissingError(f"commit {commit[:12]} has no job files in {JOBS_DIRECTORY}/", hint=_EXAMPLE)


def _names(available: Collection[str]) -> Sequence[str]:
    """Return the run ids that have job files of their own."""
    inner = (path.removeprefix(f"{JOBS_DIRECTORY}/") for path in available)
    return sorted({name.partition("/")[0].removesuffix(".toml") for name in inner})
