"""What attempts have cost, from the history of their runs: each event that ends a lease term tells it of that term."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from supervisor.model.resources import Resources, together
from supervisor.model.states import RunStatus
from supervisor.store.events import Event


@dataclass(frozen=True)
class TermEnd:
    """How a lease term of a run ended.

    Attributes:
        outcome: The event that ended it.
        status: The run's, afterwards.
        attempt_resources: What its attempt has cost so far, this term included.
    """

    attempt: int
    lease_term: int
    at: datetime
    outcome: str
    status: RunStatus | None
    reason: str | None
    attempt_resources: Resources


def spent(events: Sequence[Event], attempt: int) -> Resources | None:
    """Return what the ended terms of an attempt have cost together; None before the first has ended."""
    return together(resources for event, of, resources in _ends(events) if of == attempt)


def last_end(events: Sequence[Event]) -> TermEnd | None:
    """Return how the latest lease term of a run ended; None if none has."""
    ends = list(_ends(events))
    if not ends:
        return None
    event, attempt, resources = ends[-1]
    return TermEnd(
        attempt=attempt,
        lease_term=event.lease_term,
        at=event.at,
        outcome=event.event,
        status=event.to_status,
        reason=str(event.detail["reason"]) if event.detail.get("reason") else None,
        attempt_resources=spent(events, attempt) or resources,
    )


def _ends(events: Sequence[Event]) -> Iterator[tuple[Event, int, Resources]]:
    """Yield the events that end terms, with the attempts that these belong to, and what they cost."""
    # An event that leads to the next attempt bears the number of that.
    attempts = {event.lease_term: event.attempt for event in events if event.to_status is RunStatus.RUNNING}
    for event in events:
        resources = Resources.from_json(event.detail.get("resources"))
        if resources is not None:
            yield event, attempts.get(event.lease_term, event.attempt), resources
