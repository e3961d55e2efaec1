"""Taking runs from supervisors that are gone: they are queued again, for whoever is there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy.engine import Connection

from supervisor.locks.lockfile import LockHeldError
from supervisor.model.intents import Intent
from supervisor.model.lease import DEFAULT_LEASE_SECONDS, WORKER_OFFLINE_SECONDS
from supervisor.model.liveness import Verdict
from supervisor.model.rescue import HeldRun, RescueOutcome, Sighting, plan_rescues, rescue_outcome
from supervisor.model.states import RunStatus
from supervisor.store import claims, intents, leases, runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.runs import RunHead
from supervisor.store.supervisors import Heard
from supervisor.supervision.orphans import what_it_locked
from supervisor.supervision.presence import judge
from supervisor.supervision.spending import left_behind
from supervisor.supervision.workshop import Workshop

LOOK_SECONDS = 2.0
# What cannot be ended takes its time, in which the loop does nothing else: a tenth of it at most.
_REST_FACTOR = 9


class Rescuer:
    """Watches the running runs of others in a scope, and takes those whose holders are gone."""

    def __init__(
        self, shop: Workshop, scope: Scope, named: Collection[int] = (), *, beside: Collection[int] = ()
    ) -> None:
        """Remember what to watch.

        Args:
            shop: What the steps of the loop share.
            scope: Whose runs are watched.
            named: Rows that are watched beside those. Queued ones are brought into the scope's session.
            beside: Rows that are watched, too, and stay where they are.
        """
        self._shop = shop
        self._scope = scope
        self._named = frozenset(named)
        self._watched = self._named | frozenset(beside)
        self._sightings: dict[int, Sighting] = {}
        self._told: set[int] = set()
        self._not_before: dict[int, float] = {}
        self._next_look = 0.0
        self.pending = 0

    def look(self, mine: Collection[int]) -> bool:
        """Rescue what can be; from time to time only, since it asks for every run.

        Afterwards `pending` is how many runs have a holder that seems to be gone, and were not rescued yet.

        Args:
            mine: The runs that we execute ourselves.

        Returns:
            Whether the time had come.

        Raises:
            DatabaseUnavailable: Later, then.
        """
        clock = self._shop.clock
        if clock.monotonic() < self._next_look:
            return False
        with transaction(self._shop.engine) as connection:
            at = self._shop.now(connection)
            rows = {row.id: row for row in leases.running(connection, self._scope, also=self._watched, but=mine)}
            holders = supervisors.of_workers(connection, {row.claimed_by for row in rows.values() if row.claimed_by})
            supervisors.give_up_silent(connection, before=at - timedelta(seconds=WORKER_OFFLINE_SECONDS))
        read_at = clock.monotonic()
        verdicts = {
            heard.supervisor.id: judge(self._shop.runs_directory, self._shop.databases, heard.supervisor)
            for heard in holders.values()
        }
        held = [_held(row, holders.get(row.claimed_by or ""), verdicts) for row in rows.values()]
        plan = plan_rescues(held, self._sightings, at=at, monotonic=read_at)
        self._sightings = plan.sightings
        rescued = [
            self._try_to_rescue(rows[one.id], holders.get(rows[one.id].claimed_by or ""), one.verdict)
            for one in plan.rescues
        ]
        self.pending = len({*plan.sightings, *(one.id for one in plan.rescues)}) - sum(rescued)
        if self._scope.session_id is not None:
            self._gather(self._scope.session_id)
        self._next_look = clock.monotonic() + LOOK_SECONDS
        return True

    def _try_to_rescue(self, row: RunHead, holder: Heard | None, verdict: Verdict) -> bool:
        begun = self._shop.clock.monotonic()
        if begun < self._not_before.get(row.id, begun):
            return False
        try:
            if verdict is Verdict.DEAD and holder is not None:
                with what_it_locked(holder, row):
                    return self._rescue(row, holder, verdict)
            return self._rescue(row, holder, verdict)
        except LockHeldError as error:
            if row.id not in self._told:
                self._told.add(row.id)
                self._shop.warn(f"its supervisor is gone, and not all that it started: {error}", of=row)
            ended = self._shop.clock.monotonic()
            self._not_before[row.id] = ended + _REST_FACTOR * (ended - begun)
            return False

    def _rescue(self, row: RunHead, holder: Heard | None, verdict: Verdict) -> bool:
        """Queue the run again, for the next term; or end it, if that has happened too often, or is wanted."""
        shop = self._shop
        who = f"its supervisor (pid {holder.supervisor.pid} on {holder.supervisor.host})" if holder else "its worker"
        since = f"{row.heartbeat_at:%Y-%m-%d %H:%M:%S %Z}" if row.heartbeat_at else "its claim"
        reason = f"{who} is gone" if verdict is Verdict.DEAD else f"{who} has not been heard of since {since}"
        resources = left_behind(shop.runs_directory.run(row.run_id), row).to_json()
        with transaction(shop.engine) as connection:
            at = shop.now(connection)
            sessions.lock(connection, row.session_id)
            if not leases.is_unchanged(connection, row):
                return False
            fate = _fate(connection, row, reason, at)
            taken = runs.transition(
                connection,
                row,
                fate.status,
                at=at,
                actor=shop.me.id,
                event=fate.event,
                values=fate.values,
                detail={"from": row.claimed_by, "reason": fate.reason, "resources": resources},
            )
            sessions.conclude(connection, row.session_id, at=at)
            if verdict is Verdict.DEAD and holder is not None:
                supervisors.sign_off(connection, holder.supervisor.id, at=at)
        if taken:
            shop.warn(fate.told, of=row)
        return taken

    def _gather(self, session_id: str) -> None:
        """Bring named runs that were rescued into our session, where our workers find them."""
        with transaction(self._shop.engine) as connection:
            elsewhere = claims.queued_elsewhere(connection, self._named, session_id)
            if not elsewhere:
                return
            touched = {session_id, *(row.session_id for row in elsewhere)}
            sessions.lock(connection, *touched)
            sessions.reopen(connection, session_id)
            at = self._shop.now(connection)
            # Before that, one of the sessions may have been paused, with all its runs.
            for row in claims.queued_elsewhere(connection, [row.id for row in elsewhere], session_id):
                if row.session_id in touched:
                    runs.move(connection, row, session_id, at=at, actor=self._shop.me.id)
            for one in touched:  # ours, too: the runs may have been claimed just before
                sessions.conclude(connection, one, at=at)


@dataclass(frozen=True)
class _Fate:
    """What becomes of a run whose holder is gone.

    Attributes:
        values: What changes in its row beside its state.
        reason: Why, for its history.
        told: What people are told.
    """

    status: RunStatus
    event: str
    values: Mapping[str, object]
    reason: str
    told: str


def _fate(connection: Connection, row: RunHead, gone: str, at: datetime) -> _Fate:
    intent = intents.wanted(connection, [row.id]).get(row.id)
    outcome = rescue_outcome(row.rescue_count, intent)
    match outcome:
        case RescueOutcome.REQUEUE:
            goes_on = "it rests, paused" if intent is Intent.PAUSE else f"going on with attempt {row.attempt}"
            again = {"claimed_by": None, "rescue_count": row.rescue_count + 1, "available_at": at}
            return _Fate(RunStatus.QUEUED, "rescued", again, gone, f"{gone}; {goes_on}")
        case RescueOutcome.FAIL:
            given_up = f"given up after {row.rescue_count} rescues: {gone}"
            return _Fate(RunStatus.FAILED, "failed", {"error": given_up, "finished_at": at}, given_up, given_up)
        case RescueOutcome.CANCEL:
            why = intents.reason(connection, row.id, Intent.CANCEL)
            ended = {"error": why, "finished_at": at, "cancelled_at": at}
            return _Fate(RunStatus.CANCELLED, "cancelled", ended, f"{why}; {gone}", f"{gone}; {why}")
        case _:
            assert_never(outcome)


def _held(row: RunHead, holder: Heard | None, verdicts: Mapping[str, Verdict]) -> HeldRun:
    return HeldRun(
        id=row.id,
        lease_term=row.lease_term,
        heartbeat_at=row.heartbeat_at,
        lease_seconds=holder.supervisor.lease_seconds if holder else DEFAULT_LEASE_SECONDS,
        verdict=verdicts[holder.supervisor.id] if holder else Verdict.BY_LEASE,
    )
