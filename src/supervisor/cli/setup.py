"""From options to a supervisor and its runs."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from supervisor.cli.options import Location
from supervisor.cli.reports.log_lines import plain_line
from supervisor.clock import SystemClock
from supervisor.dashboard.runs.progress import LiveTable, PlainLines, ProgressView
from supervisor.dashboard.terminal import StandardError
from supervisor.errors import UsageError
from supervisor.git.repository import Repository
from supervisor.model.numbers import MAX_WORKERS
from supervisor.model.run_ids import RunSelection, parse_selections
from supervisor.store.urls import parse_url
from supervisor.supervision.planning.order import RunOptions
from supervisor.supervision.supervisor import ParallelRunSupervisor


def selections_of(settings: dict[str, Any]) -> list[RunSelection]:
    """Return the runs that are named.

    Raises:
        UsageError: None is, or one is misspelt.
    """
    selections = parse_selections(settings["run_ids"])
    if not selections:
        raise UsageError("no run is named", hint="supervisor --run-ids letters,books; supervisor jobs list shows them")
    return selections


def run_options(
    ctx: click.Context, repository: Repository, settings: dict[str, Any], selections: Sequence[RunSelection]
) -> RunOptions:
    """Return how the named runs are resolved and treated."""
    named = [selection.run_id for selection in selections]
    return RunOptions(
        ref=settings["ref"],
        job_files=_job_files(ctx, settings["job_file"], repository.work_tree),
        working_tree=settings["working_tree"],
        lanes=_lanes(ctx, settings["lane"], named),
        priority=settings["priority"],
        timeout_seconds=settings["timeout"],
        max_retries=settings["max_retries"],
    )


def make_supervisor(
    where: Location,
    repository: Repository,
    settings: dict[str, Any],
    view: ProgressView,
    *,
    workers: int,
    worker_name: str | None = None,
) -> ParallelRunSupervisor:
    """Return a supervisor that works as the options and settings say, and shows it in the view."""
    return ParallelRunSupervisor(
        repository,
        runs_dir=where.runs_dir,
        repository_name=settings.get("repository"),
        workers=workers,
        ocr_workers=settings["ocr_workers"],
        database_url=where.database_url,
        per_run_sqlite=where.per_run_sqlite,
        lease_seconds=settings["lease_seconds"],
        cancel_grace_seconds=settings["cancel_grace"],
        worker_name=worker_name,
        min_free_mb=settings["min_free"],
        keep_workspaces=settings["keep_workspaces"],
        retain_days=settings["retain_days"],
        cache_dir=settings["cache_dir"],
        use_cache=not settings["no_cache"],
        observer=view.update,
        note=view.note,
        listener=(lambda line: view.note(plain_line(line))) if settings["verbose"] else None,
    )


def workers_of(where: Location, settings: dict[str, Any]) -> int:
    """Return how many runs are executed at a time: unless that is said, as many as there are cores.

    Several cannot share one SQLite database.
    """
    if settings["workers"] is not None:
        return int(settings["workers"])
    if where.database_url is not None and parse_url(where.database_url).get_backend_name() == "sqlite":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_WORKERS)


def view_of(settings: dict[str, Any], live: type[LiveTable]) -> ProgressView:
    """Return what shows runs while they go on: drawn in place on a terminal, elsewhere in lines."""
    if settings["quiet"]:
        return ProgressView()
    console = StandardError()
    view = live if console.is_screen else PlainLines
    return view(console, SystemClock(), verbose=settings["verbose"])


def _lanes(ctx: click.Context, values: Sequence[str], named: Collection[str]) -> list[str]:
    """Return lanes for the runs that are named; files and variables may place others, which are run another time."""
    if ctx.get_parameter_source("lane") is ParameterSource.COMMANDLINE:
        return list(values)
    lanes = []
    for value in values:
        lane, separator, listed = value.partition("=")
        runs = [run_id for run_id in listed.split(",") if not run_id.strip() or run_id.strip() in named]
        if runs:
            lanes.append(f"{lane}{separator}{','.join(runs)}")
    return lanes


def _job_files(ctx: click.Context, paths: Sequence[str], work_tree: Path | None) -> list[str]:
    """Return job files as the repository has them; those of a settings file are given from its top."""
    if ctx.get_parameter_source("job_file") is ParameterSource.DEFAULT:
        return list(paths)
    return [_path_in_repository(path, work_tree) for path in paths]


def _path_in_repository(path: str, work_tree: Path | None) -> str:
    """Return a path that was typed, from wherever, as the repository has it; others are taken as they are."""
    typed = Path(os.path.normpath(Path(path).absolute()))
    if work_tree is not None and typed.is_relative_to(work_tree):
        return typed.relative_to(work_tree).as_posix()
    if not path or Path(path).is_absolute() or ".." in Path(path).parts:
        raise UsageError(f"job file {path!r} is not in the repository", hint="name one that is committed in it")
    return path
