"""`supervisor locks`: who holds what, and how to get it back."""

import click

from supervisor.cli.options import Location, located, locating_options, location
from supervisor.cli.output import print_json
from supervisor.locks.lease import list_leases
from supervisor.locks.lockfile import LockState
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.run_ids import check_run_id
from supervisor.supervision.tidy import Caretaker


@click.group(invoke_without_command=True)
@locating_options
@click.pass_context
def locks(ctx: click.Context, /, **_options: object) -> int:
    """List the run locks and workspace leases that are held, and by whom."""
    return _list(location(ctx)) if ctx.invoked_subcommand is None else 0


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


def _list(where: Location) -> int:
    root = Caretaker(where.repo, where.runs_dir).runs_directory.root
    held = [state for state in (*ExecutorLockManager(root).list(), *list_leases(root)) if state.held]
    if where.as_json:
        print_json({"schema": "supervisor.locks/1", "locks": [_entry(state) for state in held]})
    elif not held:
        click.echo(f"no lock is held in {root}")
    else:
        for state in held:
            click.echo(f"{state.kind:<9}  {state.name}  {_holder(state)}")
    return 0


def _holder(state: LockState) -> str:
    if state.holder is None:
        return "holder not recorded"
    return f"{state.holder.describe()}, since {state.holder.taken_at.astimezone():%Y-%m-%d %H:%M:%S}"


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
