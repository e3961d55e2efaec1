"""Which runs are to go on that were paused, or left behind, and how a command makes them its own."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from supervisor.model.states import ACTIVE, SessionStatus
from supervisor.model.titles import title_of_runs
from supervisor.store import intents, naming, runs, sessions
from supervisor.store.claims import Scope
from supervisor.store.conflicts import retrying_conflicts
from supervisor.store.engine import alone, transaction
from supervisor.store.errors import DatabaseConflict
from supervisor.store.runs import Handling, RunHead, RunRow
from supervisor.supervision.control.holders import living_holder
from supervisor.supervision.control.selection import Target, resolve
from supervisor.supervision.submission import register
from supervisor.supervision.workshop import Workshop


@dataclass(frozen=True)
class Taken:
    """What a command goes on with.

    Attributes:
        rows: Its runs, as they were; none if all are served by others, or paused again.
        holders: By row those who serve the others.
        sessions: Where its runs are, in the order in which workers look into them.
        gathered_in: That of them into which runs come from sessions that have others' runs, too; None if none has to.
        moving: The rows that come there, those that still have to be rescued included.
    """

    rows: Sequence[RunHead]
    holders: Mapping[int, str]
    worker_ids: Sequence[str] = ()
    sessions: Sequence[str] = ()
    gathered_in: str | None = None
    moving: frozenset[int] = field(default_factory=frozenset)


def choose(shop: Workshop, repository: str, names: Sequence[str]) -> list[Target]:
    """Return what is to go on: what is named, else what nobody who lives serves and nobody paused, else what is paused.

    Raises:
        UsageError: A name stands for nothing, or for several things.
    """
    with transaction(shop.engine) as connection:
        if names:
            return resolve(connection, repository, names)
        unfinished = naming.unfinished(connection, repository)
        status = {one: sessions.get(connection, one).status for one in {row.session_id for row in unfinished}}
        paused: list[RunHead] = []
        others: list[RunHead] = []
        for row in unfinished:
            rests = row.pause_requested_at is not None or status[row.session_id] is SessionStatus.PAUSED
            (paused if rests else others).append(row)
        left = [row for row in others if _holder(shop, connection, row) is None]
    return [Target(row.run_id, None, [row]) for row in left or paused]


def without_holder(shop: Workshop, rows: Sequence[int]) -> list[RunRow]:
    """Return those of these rows that have not ended, and that nobody who lives serves."""
    with transaction(shop.engine) as connection:
        found = [row for row in runs.of_rows(connection, rows) if row.status in ACTIVE]
        return [row for row in found if _holder(shop, connection, row) is None]


def holders(shop: Workshop, rows: Sequence[int]) -> dict[int, str]:
    """Return by row who lives and serves it."""
    with transaction(shop.engine) as connection:
        found = {row.id: _holder(shop, connection, row) for row in runs.heads(connection, rows)}
    return {row: holder for row, holder in found.items() if holder is not None}


def take(shop: Workshop, repository: str, rows: Sequence[int], *, actor: str) -> Taken:
    """Become the supervisor of those of these rows that nobody who lives serves and nobody paused; register as it.

    A session goes on as it is if all that is left of it is ours. Otherwise our workers would execute the rest of it,
    too: what is ours comes into a session of its own.
    """
    return retrying_conflicts()(_take, shop, repository, rows, actor)


def _take(shop: Workshop, repository: str, rows: Sequence[int], actor: str) -> Taken:
    with transaction(shop.engine) as connection:
        alone(connection, repository)
        locked = {row.session_id for row in runs.heads(connection, rows)}
        sessions.lock(connection, *locked)
        found = [row for row in naming.lock_heads(connection, rows) if row.status in ACTIVE]
        if any(row.session_id not in locked for row in found):
            raise DatabaseConflict("runs are being moved from session to session")
        served = {row.id: holder for row in found if (holder := _holder(shop, connection, row)) is not None}
        # What somebody has paused since it was to go on stays where it rests.
        rests = intents.paused(connection, [row.id for row in found])
        mine = [row for row in found if row.id not in served and row.id not in rests]
        if not mine:
            return Taken((), served)
        ids = [row.id for row in mine]
        whole = [one for one in _sessions_of(mine) if not sessions.has_others(connection, one, ids)]
        moving = [row for row in mine if row.session_id not in whole]
        at = shop.now(connection)
        gathered_in = uuid.uuid4().hex[:12] if moving else None
        if gathered_in is not None:
            sessions.add(connection, gathered_in, title_of_runs([row.run_id for row in moving]), at=at)
        looked_into = [*whole, *([gathered_in] if gathered_in else [])]
        scope = Scope(looked_into[0], [repository])
        worker_ids = register(connection, shop.databases, shop.runs_directory, shop.me, scope, at=at)
        for row in mine:
            runs.serve(connection, row, shop.me.id, Handling(), at=at, actor=actor)
            if row in moving and gathered_in is not None:
                # One that is running stays, and is moved when it has been rescued.
                runs.move(connection, row, gathered_in, at=at, actor=actor)
        for session_id in {row.session_id for row in moving}:
            sessions.conclude(connection, session_id, at=at)
        return Taken(mine, served, worker_ids, looked_into, gathered_in, frozenset(row.id for row in moving))


def _sessions_of(rows: Sequence[RunHead]) -> list[str]:
    return list(dict.fromkeys(row.session_id for row in rows))


def _holder(shop: Workshop, connection: Connection, row: RunHead) -> str | None:
    return living_holder(connection, shop.runs_directory, shop.databases, row, at=shop.now(connection))
