"""Deciding which running runs are taken from their holders, and what becomes of them.

A holder known to be dead loses its runs at once, one known to live never. Of any other, two clocks have to agree: by
the database's, which stamps the beats, the lease has expired; and for half a lease by our own, which never jumps, the
expired claim has stood unchanged. So neither a step of the database's clock nor the time in which the database was
away, and nobody could beat, takes a run from a holder that goes on beating.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from supervisor.model.intents import Intent
from supervisor.model.lease import is_expired
from supervisor.model.liveness import Verdict

RESCUE_LIMIT = 3


class RescueOutcome(StrEnum):
    """What becomes of a run whose holder is gone."""

    REQUEUE = "requeue"
    FAIL = "fail"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True)
class HeldRun:
    """A running run, and what is known of its holder.

    Attributes:
        id: Of its row.
        heartbeat_at: Its last beat, by the database's clock; None counts as long ago.
        lease_seconds: How long a beat is good for.
    """

    id: int
    lease_term: int
    heartbeat_at: datetime | None
    lease_seconds: float
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """An expired claim.

    Attributes:
        since: When it was first seen so, on our monotonic clock, in seconds.
    """

    lease_term: int
    heartbeat_at: datetime | None
    since: float


@dataclass(frozen=True, kw_only=True)
class RescuePlan:
    """What to do now, and what to remember for the next time.

    Attributes:
        rescues: Runs to take from their holders, provided that term and last beat are still those seen here. A rescue
            that fails is planned again.
        sightings: By row id.
    """

    rescues: tuple[HeldRun, ...]
    sightings: dict[int, Sighting]


def plan_rescues(
    runs: Iterable[HeldRun], sightings: Mapping[int, Sighting], *, at: datetime, monotonic: float
) -> RescuePlan:
    """Plan from all running runs in scope; what is not among them is forgotten.

    Args:
        runs: As read at one moment.
        sightings: Those of the last plan; none at first.
        at: That moment, by the database's clock.
        monotonic: Our own clock just after they were read, in seconds; if taken before, waiting for the database to
            come back would count as watching.
    """
    rescues: list[HeldRun] = []
    kept: dict[int, Sighting] = {}
    for run in runs:
        if run.verdict is Verdict.DEAD:
            rescues.append(run)
        elif run.verdict is Verdict.BY_LEASE and is_expired(run.heartbeat_at, run.lease_seconds, at=at):
            sighting = kept[run.id] = _sighting(run, sightings.get(run.id), monotonic)
            if monotonic - sighting.since >= run.lease_seconds / 2:
                rescues.append(run)
    return RescuePlan(rescues=tuple(rescues), sightings=kept)


def rescue_outcome(rescue_count: int, intent: Intent | None = None) -> RescueOutcome:
    """Decide about a run that was rescued that often before, and of which people want something.

    One that keeps killing its supervisors has to end. One that is to be paused rests in the queue.
    """
    if intent is Intent.CANCEL:
        return RescueOutcome.CANCEL
    return RescueOutcome.REQUEUE if rescue_count < RESCUE_LIMIT else RescueOutcome.FAIL


def _sighting(run: HeldRun, earlier: Sighting | None, monotonic: float) -> Sighting:
    if earlier and (earlier.lease_term, earlier.heartbeat_at) == (run.lease_term, run.heartbeat_at):
        return earlier
    return Sighting(lease_term=run.lease_term, heartbeat_at=run.heartbeat_at, since=monotonic)
