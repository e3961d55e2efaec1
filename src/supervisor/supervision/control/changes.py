"""Pausing, cancelling and letting go on what others execute.

What is queued is changed at once. What is running belongs to the supervisor that executes it: that is asked, and heeds
it within moments; `followup` waits for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy.engine import Connection

from supervisor.errors import HeldError
from supervisor.model.states import ACTIVE, RunStatus, SessionStatus
from supervisor.store import intents, naming, runs, sessions
from supervisor.store.conflicts import retrying_conflicts
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseConflict
from supervisor.store.runs import RunHead
from supervisor.supervision.control.holders import claimant
from supervisor.supervision.control.selection import Target
from supervisor.supervision.workshop import Workshop


class Effect(StrEnum):
    """How a run stands after a command."""

    PAUSED = "paused"
    """It rests in the queue."""
    PAUSING = "pausing"
    """Its holder is asked to put it back into the queue."""
    CANCELLED = "cancelled"
    """It has ended, as it was to."""
    CANCELLING = "cancelling"
    """Its holder is asked to end it."""
    RESUMED = "resumed"
    """Nobody keeps it from being executed."""
    ENDED = "ended"
    """It has ended otherwise: nothing could be done."""


PENDING = frozenset({Effect.PAUSING, Effect.CANCELLING})


@dataclass(frozen=True)
class Change:
    """What a command did to one run.

    Attributes:
        row: As it was seen last.
        changed: Whether this command made the difference.
        holder: Who executes it, and has been asked; None if nobody does.
    """

    row: RunHead
    effect: Effect
    changed: bool
    holder: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a command did to one thing that was named.

    Attributes:
        session: The state of the session that was named; None for a run.
    """

    target: Target
    session: SessionStatus | None
    changes: Sequence[Change]

    @property
    def was_possible(self) -> bool:
        """Whether some of it is now, or is about to be, as was asked; or nothing of it was left to be changed."""
        if self.changes:
            return any(change.effect is not Effect.ENDED for change in self.changes)
        return self.session not in {SessionStatus.COMPLETED, SessionStatus.FAILED}


@dataclass(frozen=True)
class _Desk:
    """The transaction in which a command acts, on whose behalf, and when."""

    shop: Workshop
    connection: Connection
    actor: str
    at: datetime


_Step = Callable[[_Desk, Target, Sequence[RunHead]], list[Change]]


def pause(shop: Workshop, targets: Sequence[Target], *, actor: str) -> list[Answer]:
    """Let runs rest: none of them begins, and those that execute go back to the queue with the pages they have."""
    return retrying_conflicts()(_act, shop, targets, actor, _pause)


def cancel(shop: Workshop, targets: Sequence[Target], *, actor: str) -> list[Answer]:
    """End runs before their time: those that are queued at once, the others through their holders."""
    return retrying_conflicts()(_act, shop, targets, actor, _cancel)


def go_on(shop: Workshop, targets: Sequence[Target], *, actor: str) -> list[Answer]:
    """Let go on what was paused; a session with all its runs, whoever paused them.

    Raises:
        HeldError: A run was named that rests because its session does, and not all that is left of that.
    """
    named = frozenset[int]().union(*(target.unfinished for target in targets))

    def step(desk: _Desk, target: Target, rows: Sequence[RunHead]) -> list[Change]:
        whole = target.session is not None and sessions.resume(desk.connection, target.session.id, at=desk.at)
        return [_let_go_on(desk, row, named, changed=whole) for row in rows]

    return retrying_conflicts()(_act, shop, targets, actor, step)


def _act(shop: Workshop, targets: Sequence[Target], actor: str, step: _Step) -> list[Answer]:
    with transaction(shop.engine) as connection:
        rows = runs.heads(connection, [row.id for target in targets for row in target.rows])
        locked = {row.session_id for row in rows} | {target.session.id for target in targets if target.session}
        sessions.lock(connection, *locked)
        desk = _Desk(shop, connection, actor, shop.now(connection))
        return [_answer(desk, target, step, locked) for target in targets]


def _answer(desk: _Desk, target: Target, step: _Step, locked: set[str]) -> Answer:
    """Take a step for what was named, as it stands now.

    Raises:
        DatabaseConflict: A row came into another session before it was locked.
    """
    present = target.rows if target.session is None else naming.of_session(desk.connection, target.session.id)
    rows = naming.lock_heads(desk.connection, [row.id for row in present])
    if any(row.session_id not in locked for row in rows):
        raise DatabaseConflict("runs are being moved from session to session")
    changes = step(desk, target, rows)
    session = sessions.get(desk.connection, target.session.id).status if target.session else None
    return Answer(target, session, changes)


def _pause(desk: _Desk, target: Target, rows: Sequence[RunHead]) -> list[Change]:
    whole = target.session is not None and sessions.pause(desk.connection, target.session.id)
    return [_paused(desk, row, with_session=target.session is not None, changed=whole) for row in rows]


def _paused(desk: _Desk, row: RunHead, *, with_session: bool, changed: bool) -> Change:
    if row.status not in ACTIVE:
        return Change(row, Effect.ENDED, changed=False)
    if row.cancel_requested_at is not None:
        return Change(row, Effect.CANCELLING, changed=False, holder=claimant(desk.connection, row))
    if with_session:
        changed = changed and row.pause_requested_at is None
    else:
        changed = intents.ask_to_pause(desk.connection, row, at=desk.at, actor=desk.actor)
    if row.status is RunStatus.QUEUED:
        return Change(row, Effect.PAUSED, changed)
    return Change(row, Effect.PAUSING, changed, claimant(desk.connection, row))


def _cancel(desk: _Desk, target: Target, rows: Sequence[RunHead]) -> list[Change]:
    changes = [_cancelled(desk, row) for row in rows]
    for session_id in {row.session_id for row in rows}:
        sessions.conclude(desk.connection, session_id, at=desk.at)
    if target.session is not None and not rows:
        sessions.end(desk.connection, target.session.id, SessionStatus.CANCELLED, at=desk.at)
    return changes


def _cancelled(desk: _Desk, row: RunHead) -> Change:
    match row.status:
        case RunStatus.QUEUED:
            reason = f"cancelled by {desk.actor}"
            # What began here is settled when it has ended. Of what never began nothing is left, and whoever has the
            # files of what began elsewhere is not on record any more.
            is_settled = row.started_at is None or desk.shop.databases.shared
            times = {"cancelled_at": desk.at, "finished_at": desk.at, "settled_at": desk.at if is_settled else None}
            changed = runs.transition(
                desk.connection,
                row,
                RunStatus.CANCELLED,
                at=desk.at,
                actor=desk.actor,
                event="cancelled",
                values={**times, "error": reason},
                detail={"reason": reason},
            )
            return Change(replace(row, status=RunStatus.CANCELLED), Effect.CANCELLED, changed)
        case RunStatus.RUNNING:
            changed = intents.ask_to_cancel(desk.connection, row, at=desk.at, actor=desk.actor)
            return Change(row, Effect.CANCELLING, changed, claimant(desk.connection, row))
        case RunStatus.CANCELLED:
            return Change(row, Effect.CANCELLED, changed=False)
        case _:
            return Change(row, Effect.ENDED, changed=False)


def _let_go_on(desk: _Desk, row: RunHead, named: frozenset[int], *, changed: bool) -> Change:
    if row.status not in ACTIVE:
        return Change(row, Effect.ENDED, changed=False)
    session = sessions.get(desk.connection, row.session_id)
    if session.status is SessionStatus.PAUSED:
        if sessions.has_others(desk.connection, session.id, named):
            raise HeldError(
                f"run {row.run_id!r} rests with its session {session.title!r}; nothing was resumed",
                hint=f"supervisor resume session:{session.id}",
            )
        changed = sessions.resume(desk.connection, session.id, at=desk.at)
    changed = intents.ask_to_go_on(desk.connection, row, at=desk.at, actor=desk.actor) or changed
    holder = claimant(desk.connection, row) if row.status is RunStatus.RUNNING else None
    return Change(row, Effect.RESUMED, changed, holder)
