"""Where runs are kept: the repository, the runs directory, the database."""

import shutil

from supervisor.errors import UsageError
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings, shown_gigabytes
from supervisor.supervision.opening import check_runs_directory
from supervisor.supervision.upkeep import Condition, look

_LITTLE_BYTES = 1_000_000_000
_TABLES = {
    Condition.CURRENT: (Level.OK, "", None),
    Condition.MISSING: (Level.OK, ", no tables yet: they come with the first run", None),
    Condition.OLD: (Level.WARNING, " has older tables", "the next run upgrades them, or: supervisor db upgrade"),
    Condition.NEW: (Level.ERROR, " has newer tables", "upgrade this program, or choose another database"),
}


def check_repository(surroundings: Surroundings) -> Finding:
    """Tell which repository is meant."""
    try:
        repository = surroundings.place.repository
    except UsageError as error:
        # What else there is can be looked at from anywhere.
        return Finding(Level.WARNING, "repository", error.message, error.hint)
    path = str(repository.main_work_tree or repository.common_dir)
    return Finding(Level.OK, "repository", path, facts={"path": path})


def check_runs(surroundings: Surroundings) -> Finding:
    """Tell where runs are kept, and whether that is safe and has room."""
    place = surroundings.place
    check_runs_directory(place.repository, place.runs_directory)
    root = place.runs_directory.root
    free = shutil.disk_usage(next(path for path in (root, *root.parents) if path.exists())).free
    message, facts = f"{root}, {shown_gigabytes(free)} free", {"path": str(root), "free_bytes": free}
    if free < _LITTLE_BYTES:
        return Finding(Level.WARNING, "runs", message, "make room, or choose another with --runs-dir", facts=facts)
    return Finding(Level.OK, "runs", message, facts=facts)


def check_database(surroundings: Surroundings) -> Finding:
    """Tell which database is used, and whether its tables fit this program."""
    view = look(surroundings.place)
    level, said, hint = _TABLES[view.worst]
    return Finding(level, "database", view.url + said, hint, facts={"url": view.url, "tables": view.worst})
