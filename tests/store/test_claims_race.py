"""Claims, beats, rescues, cancellations, retries and the dead who come back, at the same time."""

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import ACTIVE, RunStatus, session_outcome
from supervisor.store import claims, leases, runs
from supervisor.store.claims import Scope
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.moments import database_now
from supervisor.store.results import ResultStore
from supervisor.store.runs import RunHead, RunRow
from supervisor.store.tables import pages, run_events, sessions
from supervisor.store.tables import runs as table
from support import run_queue
from support.run_model import DEEDS
from support.run_queue import CLOCK, check_histories, is_stored, lost_answers

HANDS = 6
STEPS = 70


@dataclass
class Shared:
    """What everybody knows; appending to lists and popping from them needs no lock.

    Attributes:
        claims: Row, term and worker of each.
        told: Row, term, worker, deed and whether it was done, for each that parted with its run.
        over: Rows whose term is over, as somebody has seen.
        asleep: Rows whose holders were stopped, who may still be the last.
    """

    claims: list[tuple[int, int, str]] = field(default_factory=list)
    told: list[tuple[int, int, str | None, str, bool]] = field(default_factory=list)
    over: list[RunHead] = field(default_factory=list)
    asleep: list[RunRow] = field(default_factory=list)


class Hand:
    """Does one thing after the other, with connections of its own."""

    def __init__(self, url: str, name: str, seed: int, shared: Shared) -> None:
        self.name = name
        self.shared = shared
        self.chance = random.Random(f"{seed} {name}")  # noqa: S311 (the same each time)
        self.engine = open_engine(url, connections=1)
        self.store = ResultStore(url, shared=True, patience_seconds=10)
        self.numbers = itertools.count(1)
        self.row: RunRow | None = None
        self.worker = f"{name}.0"

    def work(self, start: threading.Barrier) -> None:
        start.wait()
        for _ in range(STEPS):
            steps = [self.claim, self.claim, self.rescue, self.cancel, self.wake_somebody, self.haunt, self.haunt]
            if self.row is not None:
                steps = [self.store_a_page, self.store_a_page, self.renew, self.part, self.part, self.fall_asleep]
            self.chance.choice(steps)()
        self.store.close()
        self.engine.dispose()

    def is_lost(self) -> bool:
        return self.chance.random() < 0.2

    def claim(self) -> None:
        try:
            if self.is_lost():
                with lost_answers(self.engine), transaction(self.engine) as connection:
                    claims.claim(connection, self.worker, CLOCK)
            else:
                with transaction(self.engine) as connection:
                    self.row = claims.claim(connection, self.worker, CLOCK)
        except DatabaseUnavailable:
            with transaction(self.engine) as connection:
                self.row = claims.claimed_by(connection, self.worker)
        if self.row is not None:
            self.shared.claims.append((self.row.id, self.row.lease_term, self.worker))

    def lose(self) -> None:
        if self.row is not None:
            self.shared.over.append(self.row)
        self.row = None

    def store_a_page(self) -> None:
        assert self.row
        number, text = self.chance.randint(1, 3), f"{self.row.lease_term} {self.row.claimed_by}"
        with lost_answers(self.store._engine, times=self.is_lost()):
            stored = is_stored(self.store, self.row, number, text)
        if not stored:
            self.lose()

    def renew(self) -> None:
        assert self.row
        with transaction(self.engine) as connection:
            at = database_now(connection, CLOCK)
            renewed = leases.renew(connection, {self.row.id: self.row.lease_term}, at=at)
        if not renewed:
            self.lose()

    def part(self) -> None:
        assert self.row
        deed = self.chance.choice([*DEEDS])
        values: dict[str, object] = {"claimed_by": None} if DEEDS[deed] is RunStatus.QUEUED else {}
        if deed.startswith("retrying"):
            values = run_queue.retried(self.row, self.chance.choice([0, 0.05]))
        said = {"actor": self.row.claimed_by or "", "event": deed, **values}
        if self.is_lost():
            with pytest.raises(DatabaseUnavailable), lost_answers(self.engine):
                run_queue.put(self.engine, self.row, DEEDS[deed], **said)
        _, done = run_queue.put(self.engine, self.row, DEEDS[deed], **said)
        self.shared.told.append((self.row.id, self.row.lease_term, self.row.claimed_by, deed, done))
        self.lose()

    def fall_asleep(self) -> None:
        """Be stopped, for so long that others think we are dead; go on under another name."""
        assert self.row
        with transaction(self.engine) as connection:
            run_queue.silence(connection, self.row)
        self.shared.asleep.append(self.row)
        self.row = None
        self.worker = f"{self.name}.{next(self.numbers)}"

    def wake_somebody(self) -> None:
        """Go on as one who was stopped, and does not know it."""
        with suppress(IndexError):
            self.row = self.shared.asleep.pop(0)

    def rescue(self) -> None:
        seen = run_queue.expired(self.engine, Scope())
        if seen:
            row = self.chance.choice(seen)
            if run_queue.rescue(self.engine, row, actor=f"rescuer {self.name} {next(self.numbers)}"):
                self.shared.over.append(row)

    def cancel(self) -> None:
        if self.chance.random() < 0.8:
            return
        with transaction(self.engine) as connection:
            seen = runs.of_rows(connection, claims.queued(connection, Scope()))
        # One may have been claimed between the two looks.
        waiting = [row for row in seen if row.status is RunStatus.QUEUED]
        if waiting:
            row = self.chance.choice(waiting)
            actor = f"anna at {self.name} {next(self.numbers)}"
            run_queue.put(self.engine, row, RunStatus.CANCELLED, actor=actor, event="cancelled")

    def haunt(self) -> None:
        """Try everything as one whose term is over for certain."""
        if not self.shared.over:
            return
        row = self.chance.choice(self.shared.over)
        assert not is_stored(self.store, row, 1, "ghost")
        for status in {*DEEDS.values()}:
            done = run_queue.put(self.engine, row, status, actor=row.claimed_by or "", event="late", claimed_by="ghost")
            assert done == (False, False)
        with transaction(self.engine) as connection:
            at = database_now(connection, CLOCK)
            assert leases.renew(connection, {row.id: row.lease_term}, at=at) == set()
        assert not run_queue.rescue(self.engine, row, actor="rescuer of ghosts")


def queue_runs(engine: Engine) -> None:
    places = itertools.product("st", [None, None, "A", "A", "B"], [1, 100], range(3))
    with transaction(engine) as connection:
        for session_id in "st":
            run_queue.add_session(connection, session_id)
        for number, (session_id, lane, priority, _) in enumerate(places):
            run_queue.add_run(connection, f"r{number}", session_id, lane=lane, priority=priority)


def observe(engine: Engine, terms: dict[int, int]) -> None:
    """Make sure that lanes run one run at a time, and that terms only grow."""
    with transaction(engine) as connection:
        rows = connection.execute(sa.select(table)).all()
    lanes = [(row.session_id, row.lane) for row in rows if row.status == RunStatus.RUNNING and row.lane]
    assert len(lanes) == len(set(lanes))
    for row in rows:
        assert row.lease_term >= terms.get(row.id, 0)
        terms[row.id] = row.lease_term


def finish_what_is_left(engine: Engine, shared: Shared) -> None:
    """Let everybody else be dead; nothing is lost with them."""
    with transaction(engine) as connection:
        ids = connection.execute(sa.select(table.c.id).where(table.c.status.in_(ACTIVE))).scalars().all()
        left = runs.of_rows(connection, ids)
        for row in left:
            run_queue.silence(connection, row)
        connection.execute(sa.update(table).values(available_at=table.c.created_at))
    for row in run_queue.expired(engine, Scope()):
        assert run_queue.rescue(engine, row, actor="rescuer at last")
    for _ in left:
        with transaction(engine) as connection:
            last = claims.claim(connection, "the last", CLOCK)
        if last is not None:
            shared.claims.append((last.id, last.lease_term, "the last"))
            run_queue.put(engine, last, RunStatus.SUCCEEDED, actor="the last", event="succeeded")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_interleaving_lets_two_have_a_run(engine: Engine, database_url: str, seed: int) -> None:
    shared, terms = Shared(), dict[int, int]()
    queue_runs(engine)
    hands = [Hand(database_url, f"h{number}", seed, shared) for number in range(HANDS)]
    start = threading.Barrier(HANDS)
    with ThreadPoolExecutor(HANDS) as pool:
        futures = [pool.submit(hand.work, start) for hand in hands]
        while wait(futures, timeout=0.02).not_done:
            observe(engine, terms)
        for future in futures:
            future.result()
    finish_what_is_left(engine, shared)
    assert len(shared.over) > HANDS
    check_histories(engine, shared.claims)
    with transaction(engine) as connection:
        of_session = connection.execute(sa.select(table.c.session_id, table.c.status)).all()
        stored = connection.execute(sa.select(pages)).all()
        events = connection.execute(sa.select(run_events)).all()
        for session in connection.execute(sa.select(sessions)):
            ends = [RunStatus(status) for session_id, status in of_session if session_id == session.id]
            assert session.status == session_outcome(ends)
    happened = {(event.run_id, event.lease_term, event.actor, event.event) for event in events}
    assert shared.told
    for *deed, done in shared.told:
        assert done == (tuple(deed) in happened)
    assert stored
    known = set(shared.claims)
    for page in stored:
        term, worker = page.text.split()
        assert (page.run, int(term), worker) in known
