"""The check-up: every check in turn; what one raises is its finding."""

from collections.abc import Callable, Iterator, Mapping

from supervisor.errors import SupervisorError
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings
from supervisor.supervision.checkup.machine import check_cache, check_memory, check_slots
from supervisor.supervision.checkup.programs import check_git, check_tesseract
from supervisor.supervision.checkup.storage import check_database, check_repository, check_runs, check_scratch

Check = Callable[[Surroundings], Finding]

OF_THE_MACHINE: Mapping[str, Check] = {
    "slots": check_slots,
    "memory": check_memory,
    "tesseract": check_tesseract,
    "git": check_git,
    "cache": check_cache,
    "scratch": check_scratch,
}
OF_A_REPOSITORY: Mapping[str, Check] = {"runs": check_runs, "database": check_database}


def examine(surroundings: Surroundings) -> Iterator[Finding]:
    """Yield what the checks find, each as soon as it is known."""
    for name, check in OF_THE_MACHINE.items():
        yield _perform(name, check, surroundings)
    repository = _perform("repository", check_repository, surroundings)
    yield repository
    if repository.level is Level.OK:
        for name, check in OF_A_REPOSITORY.items():
            yield _perform(name, check, surroundings)


def _perform(name: str, check: Check, surroundings: Surroundings) -> Finding:
    try:
        return check(surroundings)
    except SupervisorError as error:
        return Finding(Level.ERROR, name, error.message, error.hint)
