"""`supervisor --list-worktrees`."""

from typing import Any

import click

from supervisor.cli.options import Location
from supervisor.cli.output import print_json
from supervisor.cli.reports.tables import print_table
from supervisor.model.amounts import shown_seconds
from supervisor.supervision.tidy import Caretaker, Worktree


def list_worktrees(_ctx: click.Context, where: Location, _options: dict[str, Any]) -> int:
    """Print the workspaces of the runs directory; return the exit code."""
    caretaker = Caretaker(where.repo, where.runs_dir, where.database_url)
    worktrees = caretaker.worktrees()
    if where.as_json:
        print_json({"schema": "supervisor.worktrees/1", "worktrees": [_entry(one) for one in worktrees]})
        return 0
    if worktrees:
        print_table(("run", "commit", "state", "age", "use", "path"), [_row(one) for one in worktrees], beneath=2)
    else:
        click.echo(f"no worktrees in {caretaker.runs_directory.root}")
    return 0


def _row(one: Worktree) -> tuple[str, ...]:
    state = one.workspace
    use = f"in use by {one.holder}" if one.holder else "; ".join(state.work) or "not in use"
    commit = (state.commit or "no commit")[:12]
    return state.run_id, commit, state.registration, shown_seconds(state.age_seconds), use, str(state.path)


def _entry(one: Worktree) -> dict[str, object]:
    state = one.workspace
    return {
        "run_id": state.run_id,
        "path": str(state.path),
        "commit": state.commit,
        "state": state.registration,
        "holder": one.holder,
        "dirty": bool(state.work),
        "age_seconds": round(state.age_seconds, 1),
        "size_bytes": state.size_bytes,
    }
