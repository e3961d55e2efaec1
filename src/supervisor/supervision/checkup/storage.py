"""Where runs are kept: the repository and the runs directory."""

import os
import shlex
from pathlib import Path

from supervisor.artifacts.filesystems import mount_of
from supervisor.errors import UsageError
from supervisor.room import DEFAULT_MIN_FREE_MB, room_at
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings, shown_gigabytes
from supervisor.supervision.opening import check_runs_directory
from supervisor.supervision.room import needed_for_runs, shortage

_LITTLE_BYTES = 1_000_000_000
_MAKE_ROOM = "make room (old results: supervisor cleanup --artifacts --days 30), or ask for less with --min-free"


def check_repository(surroundings: Surroundings) -> Finding:
    """Tell which repository is meant, and whether commits can be pinned in it."""
    try:
        repository = surroundings.files.repository
    except UsageError as error:
        # What else there is can be looked at from anywhere.
        return Finding(Level.WARNING, "repository", error.message, error.hint)
    path = str(repository.main_work_tree or repository.common_dir)
    obstacle = obstacle_to_writing(repository.common_dir)
    if obstacle:
        message, hint = obstacle
        return Finding(Level.ERROR, "repository", message, hint, facts={"path": path})
    return Finding(Level.OK, "repository", path, facts={"path": path})


def check_runs(surroundings: Surroundings) -> Finding:
    """Tell where runs are kept, and whether that is safe, can be written to and has room."""
    place = surroundings.files
    check_runs_directory(place.repository, place.runs_directory, mounts=surroundings.mounts)
    root = place.runs_directory.root
    free = room_at(root).free_bytes
    facts = {"path": str(root), "free_bytes": free}
    obstacle = obstacle_to_writing(root)
    if obstacle:
        message, hint = obstacle
        return Finding(Level.ERROR, "runs", message, f"{hint}, or choose another with --runs-dir", facts=facts)
    for needed in needed_for_runs(place.repository, place.runs_directory):
        short = shortage(needed, DEFAULT_MIN_FREE_MB * 10**6)
        if short:
            return Finding(Level.ERROR, "runs", short, _MAKE_ROOM, facts=facts)
    message = f"{root}, {shown_gigabytes(free)} free"
    if free < _LITTLE_BYTES:
        return Finding(Level.WARNING, "runs", message, "make room, or choose another with --runs-dir", facts=facts)
    return Finding(Level.OK, "runs", message, facts=facts)


def obstacle_to_writing(directory: Path) -> tuple[str, str] | None:
    """Return why nothing can be written to a directory, or where it would be made, and what to do; None if it can."""
    existing = next(one for one in (directory, *directory.parents) if one.exists())
    if os.statvfs(existing).f_flag & os.ST_RDONLY:
        mount = mount_of(existing)
        point = shlex.quote(str(mount.point if mount else existing))
        return f"{directory} is on a file system that is mounted read-only", f"mount -o remount,rw {point}"
    if not os.access(existing, os.W_OK | os.X_OK):
        return f"{directory} cannot be written to", f"chown or chmod {shlex.quote(str(existing))}"
    return None
