"""Every command that has `--json`, once, on a repository where things have happened: the document is as published."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import click
import pytest

from supervisor import ExecutorLockManager, SessionManager
from supervisor.cli.main import RootGroup, cli

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

# Command: what is typed after it, and the document that it prints. One line after the other changes the repository.
TYPED: Mapping[str, tuple[str, str]] = {
    "": ("--run-ids letters,books --workers 2", "session-report/1"),
    "--list-worktrees": ("", "worktrees/1"),
    "start": ("Night --run-ids maps,notes --lane A", "session-report/1"),
    "pause": ("maps", "control/1"),
    "resume": ("maps", "resume/1"),
    "cancel": ("notes", "control/1"),
    "work": ("--once", "work/1"),
    "show": ("books", "run-history/1"),
    "logs": ("books --level error -n 3", "logs/1"),
    "trace export": ("Night", "trace-export/1"),
    "dashboard": ("--session Night", "dashboard/1"),
    "status": ("", "status/1"),
    "list": ("", "sessions/1"),
    "workers": ("--status offline", "workers/1"),
    "summary": ("", "summary/1"),
    "locks": ("", "locks/1"),
    "locks release": ("letters", "locks-release/1"),
    "workers scale": ("2", "workers-scale/1"),
    "db check": ("", "db/1"),
    "db upgrade": ("", "db/1"),
    "jobs list": ("", "jobs/1"),
    "jobs validate": ("", "jobs/1"),
    "try": ("scans/letters.png", "try/1"),
    "cache info": ("", "cache/1"),
    "cache prune": ("--all", "cache-prune/1"),
    "doctor": ("", "doctor/1"),
    "cleanup": ("--dry-run --artifacts --days 0", "cleanup/1"),
    "--cleanup": ("", "cleanup/1"),
}
# What is said of supervisors needs one that is at work.
OF_SUPERVISORS = {"workers scale"}


def commands_with_json() -> Iterator[str]:
    """Yield what is typed for each command that has `--json`; those of the root are told by their options."""
    yield from ("", "--list-worktrees", "--cleanup")
    for name, entry in RootGroup.entries.items():
        yield from _with_json(name, entry.load())


def _with_json(name: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        for inner, found in command.commands.items():
            yield from _with_json(f"{name} {inner}", found)
    alone = not isinstance(command, click.Group) or command.invoke_without_command
    if alone and any("--json" in parameter.opts for parameter in command.params):
        yield name


@pytest.fixture
def archive(archive: Archive) -> Archive:
    """Four runs, one of them with a document that cannot be read; a file that a session has for itself."""
    for run_id in ("letters", "books", "maps", "notes"):
        archive.scan(f"scans/{run_id}.png", lines=["A line"])
        archive.job(run_id, f"scans/{run_id}*")
    archive.write("scans/books-2.png", "no picture")
    archive.commit()
    manager = SessionManager(archive.top)
    manager.lock_files(manager.create_session("Day"), ["scans/maps.png"])
    return archive


@contextmanager
def at_work(archive: Archive, wait_until: Any) -> Iterator[None]:
    """Have a supervisor that waits for runs."""
    running = archive.start("work")
    wait_until(lambda: archive.supervisor("workers", "scale", "1").code == 0)
    yield
    running.ctrl_c()
    running.end()


def test_every_command_with_json_is_seen_here() -> None:
    assert any("--json" in parameter.opts for parameter in cli.params)
    assert set(commands_with_json()) == set(TYPED)


def test_every_command_prints_the_document_that_is_published(archive: Archive, wait_until: Any) -> None:
    for command, (arguments, schema) in TYPED.items():
        supervisor = at_work(archive, wait_until) if command in OF_SUPERVISORS else nullcontext()
        with supervisor, ExecutorLockManager(archive.runs).acquire("held"):
            done = archive.supervisor(*command.split(), *shlex.split(arguments), "--json")
        assert done.document["schema"] == f"supervisor.{schema}", (command, done)
        assert done.document.get("exit_code", done.code) == done.code, command
