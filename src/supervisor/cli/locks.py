"""`supervisor locks`: who holds what, and how to get it back."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from supervisor.cli.options import Location, located, locating_options, location
from supervisor.cli.output import print_json, print_note, print_wrapped
from supervisor.cli.settings import repository_name
from supervisor.locks.lease import list_leases
from supervisor.locks.lockfile import LockState
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.paths import printable
from supervisor.model.run_ids import check_run_id
from supervisor.store import file_locks
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseError
from supervisor.store.file_locks import FileLock
from supervisor.supervision.place import Place
from supervisor.supervision.tidy import Caretaker

_KIND_COLUMNS = len("workspace  ")


@click.group(invoke_without_command=True)
@locating_options
@click.pass_context
def locks(ctx: click.Context, /, **_options: object) -> int:
    """List the run locks, workspace leases and file locks that are held, and by whom."""
    return _list(ctx, location(ctx)) if ctx.invoked_subcommand is None else 0


@locks.command
@click.argument("run_ids", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="End the processes of whoever holds it.")
@located
def release(*, where: Location, run_ids: tuple[str, ...], force: bool) -> int:
    """Make sure that nobody holds the locks of these runs.

    With --force the holder's executor is ended, and the supervisor itself if it does not let go then. Refused where the
    holder lives on another machine or in another container.
    """
    root = Caretaker(where.repo, where.runs_dir).runs_directory.root
    manager = ExecutorLockManager(root)
    released: list[dict[str, object]] = []
    for run_id in run_ids:
        holder = manager.release(check_run_id(run_id), force=force)
        released.append({"run_id": run_id, "ended": holder.describe() if holder else None})
        if not where.as_json:
            click.echo(f"run {run_id!r}: " + (f"ended {holder.describe()}; free now" if holder else "nobody held it"))
    if where.as_json:
        print_json({"schema": "supervisor.locks-release/1", "released": released})
    return 0


def _list(ctx: click.Context, where: Location) -> int:
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    root = place.runs_directory.root
    held = [state for state in (*ExecutorLockManager(root).list(), *list_leases(root)) if state.held]
    try:
        files = _file_locks(place, place.identity(repository_name(ctx, place.repository)))
        exit_code = 0
    except DatabaseError as error:
        # Locks are asked for when something is wrong: what can be told is.
        print_note(printable(f"supervisor: which files are locked cannot be told: {error.message}"))
        files, exit_code = None, error.exit_code
    if where.as_json:
        locked = None if files is None else [_file_entry(lock) for lock in files]
        locks = [_entry(state) for state in held]
        print_json({"schema": "supervisor.locks/1", "locks": locks, "file_locks": locked})
    else:
        _print(root, held, files)
    return exit_code


def _print(root: Path, held: Sequence[LockState], files: Sequence[FileLock] | None) -> None:
    for state in held:
        _print_line(state.kind, str(state.name), _holder(state))
    for lock in files or ():
        _print_line("file", lock.path, f"{lock.holder}{_since(lock.acquired_at)}")
    if not held and not files:
        click.echo(f"no lock is held in {root}" + (", and no file is locked" if files is not None else ""))


def _print_line(kind: str, name: str, holder: str) -> None:
    start = f"{kind:<{_KIND_COLUMNS}}"
    print_wrapped(f"{start}{printable(name)}  ", printable(holder), indent=len(start))


def _file_locks(place: Place, repository: str) -> list[FileLock]:
    if not place.has_control:
        return []
    engine = place.open_control()
    try:
        with transaction(engine) as connection:
            return file_locks.held(connection, repository)
    finally:
        engine.dispose()


def _holder(state: LockState) -> str:
    if state.holder is None:
        return "holder not recorded"
    return f"{state.holder.describe()}{_since(state.holder.taken_at)}"


def _since(moment: datetime) -> str:
    return f", since {moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _entry(state: LockState) -> dict[str, object]:
    holder = state.holder
    return {
        "kind": state.kind,
        "name": state.name,
        "path": str(state.path),
        "holder": holder.describe() if holder else None,
        "run_id": holder.run_id if holder else None,
        "lease_term": holder.term if holder else None,
        "taken_at": holder.taken_at.isoformat() if holder else None,
    }


def _file_entry(lock: FileLock) -> dict[str, object]:
    return {
        "path": lock.path,
        "session": {"id": lock.session_id, "title": lock.session_title},
        "run_id": lock.run_id,
        "acquired_at": lock.acquired_at.isoformat(),
    }
