"""`supervisor cleanup` and `--cleanup`: remove what nobody needs, and tell what was kept and why."""

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, assert_never

import click

from supervisor.board.progress import counted
from supervisor.cli.options import Location, WholeNumber, located, option
from supervisor.cli.output import print_json, print_wrapped
from supervisor.git.repository import Repository
from supervisor.git.trash import Saved
from supervisor.model.amounts import shown_bytes
from supervisor.model.cleanup import DropTrash, Policy, RemoveArtifacts, RemoveWorkspace
from supervisor.model.paths import path_text, printable
from supervisor.supervision.cleanup.cleaner import Cleanup
from supervisor.supervision.tidy import Caretaker


@click.command()
@click.option("--days", type=WholeNumber(0), help="Only what has been at rest for at least N days.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@click.option("--artifacts", is_flag=True, help="Also the results of ended runs, and what was saved; needs --days.")
@click.option("--force", is_flag=True, help="Also worktrees with work in them, which is saved first.")
@option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@located
def cleanup(*, where: Location, days: int | None, dry_run: bool, artifacts: bool, force: bool, quiet: bool) -> int:
    """Remove the worktrees that nobody uses and that hold no work; keep the others, and say why.

    With --force, what is in a worktree is first saved to refs/supervisor/trash/RUN_ID/TIME, and the line that brings
    it back is shown. What is executing, queued or paused is never touched.

    \b
      supervisor cleanup --dry-run               look first
      supervisor cleanup                         worktrees without work
      supervisor cleanup --force                 all worktrees at rest
      supervisor cleanup --artifacts --days 30   also results of old runs
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    if artifacts and days is None:
        raise click.UsageError("--artifacts removes results for good, so it needs --days N")
    policy = Policy(days=days, artifacts=artifacts, trash=artifacts, force=force)
    return _clean(where, policy, dry_run=dry_run, quiet=quiet)


def clean_workspaces(_ctx: click.Context, where: Location, options: dict[str, Any]) -> int:
    """Do what `supervisor cleanup` does without options; return the exit code."""
    return _clean(where, Policy(), dry_run=False, quiet=options["quiet"])


def _clean(where: Location, policy: Policy, *, dry_run: bool, quiet: bool) -> int:
    caretaker = Caretaker(where.repo, where.runs_dir, where.database_url)
    done = caretaker.clean(policy, dry_run=dry_run)
    if where.as_json:
        print_json(_document(done, caretaker.repository))
    elif not quiet:
        _print(done, caretaker, policy)
    return 0


def _print(done: Cleanup, caretaker: Caretaker, policy: Policy) -> None:
    root = caretaker.runs_directory.root.resolve()
    if not done.removed and not done.kept:
        click.echo(f"nothing to clean in {root}")
        return
    click.echo(root)
    verbs = ("would remove", "would save", "would keep") if done.dry_run else ("removed", "saved", "kept")
    columns = max(map(len, verbs))
    for verb, what in [*_removed(done, root, verbs), *_kept(done, root, policy, verbs)]:
        start = f"  {verb:<{columns}}  "
        print_wrapped(start, what, indent=len(start))
    saved = [one.saved for one in done.removed if one.saved]
    if saved:
        click.echo("To bring back what was saved:")
    for one in saved:
        click.echo(f"  {_command(caretaker.repository, one)}")
    size_bytes = sum(one.action.size_bytes for one in done.removed if not isinstance(one.action, DropTrash))
    remove, _, keep = verbs
    click.echo(f"{remove} {len(done.removed)} ({shown_bytes(size_bytes)}), {keep} {len(done.kept)}")


def _removed(done: Cleanup, root: Path, verbs: tuple[str, str, str]) -> Iterator[tuple[str, str]]:
    """Yield a verb and what was done, a line each."""
    remove, save, _ = verbs
    for one in done.removed:
        match one.action:
            case DropTrash(ref=ref, commit=commit):
                yield remove, f"{ref}: commit {commit[:12]}"
            case RemoveWorkspace(path=path, work=work) if work:
                yield save, f"{_shown(path, root)}, then {remove.split()[-1]}: {_phrases(work)}"
            case RemoveWorkspace() | RemoveArtifacts() as action:
                why = f"{action.rest.witness} {action.rest.since.astimezone():%Y-%m-%d %H:%M}"
                yield from ((remove, f"{_shown(path, root)}: {why}") for path in _paths(action))
            case _:
                assert_never(one.action)


def _kept(done: Cleanup, root: Path, policy: Policy, verbs: tuple[str, str, str]) -> Iterator[tuple[str, str]]:
    """Yield a verb and what was kept and why, a line each; what is young is only counted."""
    _, _, keep = verbs
    yield from ((keep, f"{_shown(one.path, root)}: {printable(one.reason)}") for one in done.kept if not one.young)
    young = sum(one.young for one in done.kept)
    if young:
        yield keep, f"{young} at rest for less than {counted(policy.days or 0, 'day')}"


def _paths(action: RemoveWorkspace | RemoveArtifacts) -> Sequence[Path]:
    return (action.path,) if isinstance(action, RemoveWorkspace) else action.paths


def _phrases(work: Sequence[str]) -> str:
    return printable("; ".join(work))


def _shown(path: Path, root: Path) -> str:
    return printable(_text(path.relative_to(root) if path.is_relative_to(root) else path))


def _text(path: Path) -> str:
    return path_text(os.fsencode(path))


def _document(done: Cleanup, repository: Repository) -> dict[str, object]:
    removed: list[str] = []
    saved: list[dict[str, object]] = []
    dropped: list[dict[str, object]] = []
    for one in done.removed:
        match one.action:
            case DropTrash(ref=ref, commit=commit):
                dropped.append({"ref": ref, "commit": commit})
            case RemoveWorkspace() | RemoveArtifacts() as action:
                removed += [_text(path) for path in _paths(action)]
                if isinstance(action, RemoveWorkspace) and action.work:
                    saved.append(
                        {"path": _text(action.path), "work": list(action.work), **_where(repository, one.saved)}
                    )
    kept = [{"path": _text(one.path), "reason": one.reason} for one in done.kept]
    lists = {"removed": removed, "saved": saved, "dropped": dropped, "kept": kept}
    return {"schema": "supervisor.cleanup/1", "dry_run": done.dry_run, **lists}


def _where(repository: Repository, saved: Saved | None) -> dict[str, object]:
    if saved is None:
        return {"ref": None, "commit": None, "command": None}
    return {"ref": saved.ref, "commit": saved.commit, "command": _command(repository, saved)}


def _command(repository: Repository, saved: Saved) -> str:
    """Return what brings a saved workspace back, wherever it is typed: into a folder beside the repository."""
    top = _text(repository.main_work_tree or repository.common_dir)
    return shlex.join(["git", "-C", top, "worktree", "add", f"../{saved.run_id}-{saved.ref.split('/')[-1]}", saved.ref])
