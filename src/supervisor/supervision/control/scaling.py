"""Giving a supervisor that is at work more workers, or fewer."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from supervisor.errors import UsageError
from supervisor.store import supervisors
from supervisor.store.engine import transaction
from supervisor.store.supervisors import Heard, SupervisorRow
from supervisor.supervision.control.holders import process_of
from supervisor.supervision.opening import check_policy
from supervisor.supervision.presence import may_be_alive
from supervisor.supervision.workshop import Workshop

UNSCALED = 0
"""The number of workers that a process is said to have which makes them as it likes: a program."""


@dataclass(frozen=True)
class Scaled:
    """How many workers a supervisor is to have.

    Attributes:
        supervisor: As it was.
    """

    supervisor: SupervisorRow
    workers: int


def scale(shop: Workshop, repository: str, workers: int, name: str | None = None) -> Scaled:
    """Ask a supervisor to have so many workers; it heeds that within moments, those that are busy finish their runs.

    Args:
        shop: Where it is on record.
        repository: Whose runs it executes, if it is not named.
        workers: How many.
        name: Its id, or the beginning of it; None for the only one that lives.

    Raises:
        UsageError: None is meant, or more than one, or one that has ended; or the database does not take so many.
    """
    check_policy(shop.databases, workers, shop.me.lease_seconds, shop.note)
    with transaction(shop.engine) as connection:
        found = supervisors.serving(connection, None, repository)
        scalable = [heard for heard in found if heard.supervisor.desired_workers != UNSCALED]
        alive = [heard for heard in scalable if _lives(shop, connection, heard)]
        meant = _only(alive) if name is None else _named(shop, connection, name, alive)
        supervisors.scale(connection, meant.id, workers)
        return Scaled(meant, workers)


def nobody_works() -> UsageError:
    """Return the error for a place where no supervisor is."""
    return UsageError("no supervisor is at work here", hint="start one: supervisor work --workers N")


def _lives(shop: Workshop, connection: Connection, heard: Heard) -> bool:
    return may_be_alive(shop.runs_directory, shop.databases, heard, at=shop.now(connection))


def _only(alive: Sequence[Heard]) -> SupervisorRow:
    if len(alive) == 1:
        return alive[0].supervisor
    if not alive:
        raise nobody_works()
    raise UsageError(
        f"{len(alive)} supervisors are at work here: {_listed(alive)}",
        hint=f"name one: --supervisor {alive[0].supervisor.id}",
    )


def _named(shop: Workshop, connection: Connection, name: str, alive: Sequence[Heard]) -> SupervisorRow:
    others = f"at work: {_listed(alive)}" if alive else "none is at work here"
    begun = supervisors.beginning(connection, name) if name else []
    found = [one for one in begun if one.supervisor.id == name] or begun
    living = [
        one for one in found if supervisors.present(connection, one.supervisor.id) and _lives(shop, connection, one)
    ]
    if len(living) > 1:
        raise UsageError(f"{name!r} could be {_listed(living)}", hint="name more of it")
    if living and living[0].supervisor.desired_workers == UNSCALED:
        raise UsageError(
            f"{living[0].supervisor.id} ({process_of(living[0])}) is a program, which scales itself", hint=others
        )
    if living:
        return living[0].supervisor
    if found:
        raise UsageError(f"supervisor {found[0].supervisor.id} ({process_of(found[0])}) has ended", hint=others)
    raise UsageError(f"there is no supervisor {name!r}", hint=others)


def _listed(some: Sequence[Heard]) -> str:
    return ", ".join(f"{one.supervisor.id} ({process_of(one)})" for one in some)
