"""The check-up: every check in turn. What one raises is its finding, and one that hangs is given up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from supervisor.errors import SupervisorError
from supervisor.supervision.checkup.clocks import check_clock
from supervisor.supervision.checkup.database import check_database
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings
from supervisor.supervision.checkup.holders import check_locks, check_supervisors
from supervisor.supervision.checkup.languages import check_languages
from supervisor.supervision.checkup.machine import check_cache, check_memory, check_scratch, check_slots
from supervisor.supervision.checkup.programs import check_git, check_tesseract
from supervisor.supervision.checkup.storage import check_repository, check_runs
from supervisor.supervision.checkup.timelimit import TookTooLongError, within

REPOSITORY = "repository"


@dataclass(frozen=True)
class Check:
    """Something to look at.

    Attributes:
        needs: What must have been found in order before; without that there is nothing to look at.
    """

    name: str
    look: Callable[[Surroundings], Finding]
    needs: tuple[str, ...] = ()


CHECKS = (
    Check("git", check_git),
    Check(REPOSITORY, check_repository, needs=("git",)),
    Check("tesseract", check_tesseract),
    Check("languages", check_languages, needs=("tesseract",)),
    Check("runs", check_runs, needs=(REPOSITORY,)),
    Check("database", check_database, needs=(REPOSITORY,)),
    Check("locks", check_locks, needs=(REPOSITORY,)),
    Check("supervisors", check_supervisors, needs=("database",)),
    Check("clock", check_clock, needs=("database",)),
    Check("slots", check_slots),
    Check("memory", check_memory),
    Check("cache", check_cache),
    Check("scratch", check_scratch),
)


def examine(surroundings: Surroundings, *, limit_seconds: float) -> Iterator[Finding]:
    """Yield what the checks find, each as soon as it is known.

    Args:
        surroundings: Where to look.
        limit_seconds: How long a check may take.
    """
    sound: set[str] = set()
    for check in CHECKS:
        if not sound.issuperset(check.needs):
            continue
        finding = _perform(check, surroundings, limit_seconds)
        yield finding
        if finding.level is Level.OK:
            sound.add(check.name)
        if check.name == REPOSITORY:
            surroundings = replace(surroundings, in_repository=finding.level is Level.OK)


def _perform(check: Check, surroundings: Surroundings, limit_seconds: float) -> Finding:
    try:
        return within(limit_seconds, lambda: check.look(surroundings))
    except TookTooLongError:
        message = f"did not answer in {limit_seconds:g} s"
        return Finding(Level.ERROR, check.name, message, "see what it waits for, or allow more with --timeout")
    except SupervisorError as error:
        return Finding(Level.ERROR, check.name, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 (whatever is broken, the other checks tell what they can)
        return Finding(Level.ERROR, check.name, f"cannot be looked at: {error}" if str(error) else repr(error))
