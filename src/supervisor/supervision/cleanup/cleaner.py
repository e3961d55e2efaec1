"""Removing what nobody needs: planned from what is seen, then done one by one, each looked at again under its locks."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import assert_never

from supervisor.errors import SupervisorError
from supervisor.git.errors import GitError
from supervisor.git.trash import Saved
from supervisor.locks.lease import WorkspaceLease
from supervisor.model.cleanup import (
    Action,
    DropTrash,
    Keep,
    Policy,
    RemoveArtifacts,
    RemoveWorkspace,
    plan,
    plan_artifacts,
    plan_workspace,
)
from supervisor.supervision.cleanup.survey import Surveyor


@dataclass(frozen=True)
class Removed:
    """Something that a cleanup removed, or would remove.

    Attributes:
        saved: What a workspace with work in it was saved as; None before it was.
    """

    action: RemoveWorkspace | RemoveArtifacts | DropTrash
    saved: Saved | None = None


@dataclass(frozen=True)
class Cleanup:
    """What a cleanup did, or would do.

    Attributes:
        dry_run: Whether nothing was done.
    """

    dry_run: bool
    removed: Sequence[Removed]
    kept: Sequence[Keep]


def clean(surveyor: Surveyor, policy: Policy, at: datetime, *, dry_run: bool) -> Cleanup:
    """Remove what a policy says, and nothing that somebody needs, whoever comes meanwhile.

    Args:
        surveyor: Of what is cleaned up.
        policy: What is wanted.
        at: The time from which ages are counted.
        dry_run: Only tell what would be done.

    Raises:
        DatabaseError: It cannot be told which runs are active.
    """
    removed: list[Removed] = []
    kept: list[Keep] = []
    for action in plan(surveyor.facts(policy), policy, at):
        for result in [_planned(action)] if dry_run else _perform(surveyor, action, policy, at):
            if isinstance(result, Keep):
                kept.append(result)
            else:
                removed.append(result)
    return Cleanup(dry_run, removed, kept)


def _planned(action: Action) -> Removed | Keep:
    return action if isinstance(action, Keep) else Removed(action)


def _perform(surveyor: Surveyor, action: Action, policy: Policy, at: datetime) -> Iterator[Removed | Keep]:
    """Do what was planned, as far as it still is right; yield nothing if somebody else has done it."""
    match action:
        case Keep():
            yield action
        case RemoveWorkspace():
            yield from _under_locks(surveyor, action, action.path, _remove_workspace(surveyor, action, policy, at))
        case RemoveArtifacts():
            yield from _under_locks(surveyor, action, action.folder, _remove_artifacts(surveyor, action, policy, at))
        case DropTrash():
            yield from _drop(surveyor, action)
        case _:
            assert_never(action)


def _under_locks(
    surveyor: Surveyor, action: RemoveWorkspace | RemoveArtifacts, path: Path, removal: Iterator[Removed | Keep]
) -> Iterator[Removed | Keep]:
    """Keep a run from being executed, and its workspace from being used, while something of it is removed."""
    lease = WorkspaceLease(surveyor.runs_directory.root, surveyor.workspaces.path(action.run_id), run_id=action.run_id)
    try:
        with surveyor.run_locks.acquire(action.run_id), lease.acquire():
            yield from removal
    except SupervisorError as error:
        yield Keep(path, error.message)
    except OSError as error:
        yield Keep(path, f"it cannot be deleted: {error}")


def _remove_workspace(
    surveyor: Surveyor, action: RemoveWorkspace, policy: Policy, at: datetime
) -> Iterator[Removed | Keep]:
    facts = surveyor.workspace(action.run_id, policy)
    if facts is None:
        return
    now = plan_workspace(facts, policy, at)
    if isinstance(now, Keep):
        yield now
        return
    workspaces = surveyor.workspaces
    removal = workspaces.save_and_remove(now.run_id, at) if now.work else workspaces.remove(now.run_id)
    if removal.removed and not surveyor.is_active(now.run_id):
        surveyor.repository.unpin(now.run_id)
    if removal.removed:
        yield Removed(now, removal.saved)
    elif removal.found:
        where = f" (it is saved as {removal.saved.ref})" if removal.saved else ""
        yield Keep(now.path, f"{removal.reason}{where}")


def _remove_artifacts(
    surveyor: Surveyor, action: RemoveArtifacts, policy: Policy, at: datetime
) -> Iterator[Removed | Keep]:
    facts = surveyor.artifacts(action.run_id)
    for now in plan_artifacts(facts, policy, at) if facts is not None else ():
        if isinstance(now, RemoveArtifacts):
            for path in now.paths:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
            yield Removed(now)
        elif now.path == action.folder:
            yield now


def _drop(surveyor: Surveyor, action: DropTrash) -> Iterator[Removed | Keep]:
    try:
        surveyor.repository.drop_saved(action.ref, action.commit)
    except GitError as error:
        if any(one.ref == action.ref for one in surveyor.repository.saved_workspaces()):
            yield Keep(Path(action.ref), error.message)
    else:
        yield Removed(action)
