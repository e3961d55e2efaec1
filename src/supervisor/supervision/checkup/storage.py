"""Where runs are kept: the repository, the runs directory, the database."""

from supervisor.artifacts.layout import MEMORY_BACKED, machine_state
from supervisor.errors import UsageError
from supervisor.room import DEFAULT_MIN_FREE_MB, room_at
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings, shown_gigabytes
from supervisor.supervision.opening import check_runs_directory
from supervisor.supervision.room import needed_for_runs, shortage
from supervisor.supervision.upkeep import Condition, look

_LITTLE_BYTES = 1_000_000_000
# A few pages of A4 at 600 dpi, each with some room beside it.
_LITTLE_MEMORY_BYTES = 200_000_000
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
    free = room_at(root).free_bytes
    for needed in needed_for_runs(place.repository, place.runs_directory):
        short = shortage(needed, DEFAULT_MIN_FREE_MB * 10**6)
        if short:
            hint = "make room; runs stop before that, unless they are told less with --min-free"
            return Finding(Level.ERROR, "runs", short, hint, facts={"path": str(root), "free_bytes": free})
    message, facts = f"{root}, {shown_gigabytes(free)} free", {"path": str(root), "free_bytes": free}
    if free < _LITTLE_BYTES:
        return Finding(Level.WARNING, "runs", message, "make room, or choose another with --runs-dir", facts=facts)
    return Finding(Level.OK, "runs", message, facts=facts)


def check_scratch(_surroundings: Surroundings) -> Finding:
    """Tell whether prepared pages have room in memory."""
    folder = machine_state()
    if folder is None:
        message = f"{MEMORY_BACKED} cannot be used: pages are handed over on disk, more slowly"
        return Finding(Level.WARNING, "scratch", message, facts={"path": None})
    free = room_at(folder).free_bytes
    message, facts = f"{folder}, {shown_gigabytes(free)} free", {"path": str(folder), "free_bytes": free}
    if free < _LITTLE_MEMORY_BYTES:
        hint = "pages without room are handed over on disk, more slowly; give it more (Docker: --shm-size)"
        return Finding(Level.WARNING, "scratch", message, hint, facts=facts)
    return Finding(Level.OK, "scratch", message, facts=facts)


def check_database(surroundings: Surroundings) -> Finding:
    """Tell which database is used, and whether its tables fit this program."""
    view = look(surroundings.place)
    level, said, hint = _TABLES[view.worst]
    return Finding(level, "database", view.url + said, hint, facts={"url": view.url, "tables": view.worst})
