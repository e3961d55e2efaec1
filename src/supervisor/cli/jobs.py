"""`supervisor jobs`: what job files there are, and whether they are right."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from supervisor.board.progress import counted
from supervisor.cli.options import Location, located
from supervisor.cli.output import print_json
from supervisor.errors import SupervisorError, UsageError
from supervisor.git.repository import Repository
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.jobs.jobfile import parse_job_file
from supervisor.supervision.planning.documents import DocumentResolver
from supervisor.supervision.planning.jobfiles import JOBS_DIRECTORY, job_files_in


@dataclass(frozen=True)
class _Found:
    """A job file: its jobs with the number of documents they match, or what is wrong with it.

    Attributes:
        jobs: Job, documents committed, documents that differ from the commit or are new.
    """

    path: str
    jobs: Sequence[tuple[Job, int, int]]
    error: SupervisorError | None


@click.group()
def jobs() -> None:
    """List and check the job files of a repository."""


@jobs.command("list", short_help="List the job files and what they match.")
@click.option("--ref", help="Look into this commit.  [default: the files as they are in the work tree]")
@located
def list_jobs(*, where: Location, ref: str | None) -> int:
    """List the job files, their jobs and how many documents each matches."""
    found = _look(where, ref, ())
    if where.as_json:
        print_json({"schema": "supervisor.jobs/1", "job_files": [_entry(one) for one in found]})
        return 0
    if not found:
        click.echo(f"no job files in {JOBS_DIRECTORY}/")
    for one in found:
        click.echo(one.path)
        _print_jobs(one)
    return 0


@jobs.command
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--ref", help="Check what this commit has.  [default: the files as they are in the work tree]")
@located
def validate(*, where: Location, paths: tuple[str, ...], ref: str | None) -> int:
    """Check job files; exit 2 if one of them is wrong."""
    found = _look(where, ref, paths)
    wrong = [one for one in found if one.error]
    code = UsageError.exit_code if wrong else 0
    if where.as_json:
        print_json({"schema": "supervisor.jobs/1", "job_files": [_entry(one) for one in found], "exit_code": code})
        return code
    if not found:
        click.echo(f"no job files in {JOBS_DIRECTORY}/")
    for one in found:
        click.echo(f"{one.path}: {'wrong' if one.error else 'right'}")
        _print_jobs(one)
    return code


def _look(where: Location, ref: str | None, paths: Sequence[str]) -> list[_Found]:
    repository = Repository.discover(where.repo)
    if ref is None and repository.work_tree is not None:
        return _look_on_disk(repository, repository.work_tree, paths)
    commit = repository.resolve(ref or "HEAD")
    contents = {path: repository.read(commit, path) for path in paths or job_files_in(repository, commit)}
    return [_judge(repository, commit, path, content, compare=False) for path, content in contents.items()]


def _look_on_disk(repository: Repository, work_tree: Path, paths: Sequence[str]) -> list[_Found]:
    commit = repository.resolve("HEAD")
    top = work_tree / JOBS_DIRECTORY
    files = [Path(path).absolute() for path in paths] or sorted(top.rglob("*.toml"))
    found = []
    for file in files:
        name = str(file.relative_to(work_tree)) if file.is_relative_to(work_tree) else str(file)
        found.append(_judge(repository, commit, name, file.read_bytes() if file.is_file() else None, compare=True))
    return found


def _judge(repository: Repository, commit: str, path: str, content: bytes | None, *, compare: bool) -> _Found:
    if content is None:
        return _Found(path, (), UsageError(f"there is no job file {path}"))
    try:
        parsed = parse_job_file(content, path)
        DocumentResolver(repository, note=lambda _line: None).resolve(path, commit, parsed.jobs, compare=compare)
        counts = [
            (
                job,
                len(repository.files(commit, job.documents, job.exclude)),
                len(repository.uncommitted(job.documents, job.exclude)) if compare else 0,
            )
            for job in parsed.jobs
        ]
    except UsageError as error:
        return _Found(path, (), error)
    return _Found(path, counts, None)


def _print_jobs(one: _Found) -> None:
    if one.error:
        click.echo(f"  {one.error.message}" + (f" ({one.error.hint})" if one.error.hint else ""))
    for job, committed, changed in one.jobs:
        beside = f", {changed} not committed as they are" if changed else ""
        settings = f"{'+'.join(job.languages)}; {' '.join(job.formats)}"
        click.echo(f"  {job.name}: {counted(committed, 'document')}{beside}; {settings}")


def _entry(one: _Found) -> dict[str, object]:
    listed = [
        {"name": job.name, "documents": committed, "uncommitted": changed, "settings": job.model_dump(mode="json")}
        for job, committed, changed in one.jobs
    ]
    return {"path": one.path, "jobs": listed, "error": one.error.message if one.error else None}
