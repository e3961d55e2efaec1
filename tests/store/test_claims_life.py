"""Whatever workers, rescuers and the dead do in whatever order: the last claim of a run alone counts."""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.engine import Engine

from supervisor.model.rescue import RESCUE_LIMIT
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import claims, intents, leases, runs
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.moments import database_now
from supervisor.store.results import FencedOut, ResultStore
from supervisor.store.runs import RunRow
from supervisor.store.tables import documents, pages, run_events, sessions
from supervisor.store.tables import runs as table
from support import run_queue
from support.run_model import DEEDS, Model, Place
from support.run_queue import CLOCK, DOCUMENT, check_histories, contents, finished, key_of, lost_answers, page
from support.thorough import THOROUGH

SCOPES = {
    "of anything": Scope(),
    "of s": Scope("s", ["repo", "other"]),
    "of s and repo": Scope("s", ["repo"]),
    "of repo": Scope(None, ["repo"]),
    "of nothing": Scope(None, []),
}
PLACES = st.builds(
    Place,
    session=st.sampled_from("st"),
    repository=st.sampled_from(["repo", "other"]),
    lane=st.sampled_from([None, "A", "B"]),
    priority=st.sampled_from([1, 100]),
)
IS_LOST = st.sampled_from([False, False, False, True])


class Lives(RuleBasedStateMachine):
    """Compares the store with the model. What a claim gave may be used at any time later, as its holder does."""

    held = Bundle("held")

    def __init__(self, engine: Engine, store: ResultStore) -> None:
        super().__init__()
        self.engine = engine
        self.store = store
        self.model = Model()
        self.names = 0
        self.queued: list[RunRow] = []
        self.seen: dict[int, tuple[RunRow, int]] = {}
        run_queue.empty(engine)
        with transaction(engine) as connection:
            for session_id in self.model.sessions:
                run_queue.add_session(connection, session_id)
            for worker, scope in SCOPES.items():
                if scope != Scope():
                    run_queue.add_worker(connection, worker, scope)

    def new_name(self, role: str) -> str:
        self.names += 1
        return f"{role} {self.names}"

    def get(self, run: int) -> RunRow:
        with transaction(self.engine) as connection:
            return runs.get(connection, run)

    @contextmanager
    def answer(self, engine: Engine, *, is_lost: bool) -> Iterator[None]:
        if not is_lost:
            yield
            return
        with pytest.raises(DatabaseUnavailable), lost_answers(engine):
            yield

    @initialize(
        target=held,
        places=st.lists(PLACES, min_size=6, max_size=6),
        workers=st.lists(st.sampled_from(list(SCOPES)), min_size=3, max_size=3),
    )
    def begin(self, places: list[Place], workers: list[str]) -> object:
        for place in places:
            self.add(place)
        late, *_, killer = self.model.runs
        self.model.runs[late].is_due = False
        self.model.runs[killer].rescues = RESCUE_LIMIT
        with transaction(self.engine) as connection:
            later = CLOCK.now() + timedelta(hours=1)
            connection.execute(sa.update(table).where(table.c.id == late).values(available_at=later))
            connection.execute(sa.update(table).where(table.c.id == killer).values(rescue_count=RESCUE_LIMIT))
        return multiple(*(row for worker in workers if (row := self.claim_next(worker)) is not None))

    @precondition(lambda self: not any(known.waits for known in self.model.runs.values()))
    @rule(place=PLACES)
    def add(self, place: Place) -> None:
        self.set_sessions({place.session}, SessionStatus.RUNNING)
        with transaction(self.engine) as connection:
            others = {"repository": place.repository, "lane": place.lane, "priority": place.priority}
            run = run_queue.add_run(connection, self.new_name("r"), place.session, **others)
        self.model.add(run, place)
        self.queued.append(self.get(run))

    def set_sessions(self, names: Set[str], status: SessionStatus) -> None:
        self.model.sessions |= dict.fromkeys(names, status)
        with transaction(self.engine) as connection:
            connection.execute(sa.update(sessions).where(sessions.c.id.in_(names)).values(status=status))

    @rule(
        target=held,
        worker=st.sampled_from(list(SCOPES)),
        paused=st.sampled_from(["", "", "", "s", "t", "st"]),
        is_late=st.booleans(),
        is_lost=IS_LOST,
    )
    def claim(self, worker: str, paused: str, is_late: bool, is_lost: bool) -> object:
        """Claim while some sessions pause, and perhaps after a while."""
        unfinished = {name for name, status in self.model.sessions.items() if status in {"running", "paused"}}
        self.set_sessions(unfinished - set(paused), SessionStatus.RUNNING)
        self.set_sessions(unfinished & set(paused), SessionStatus.PAUSED)
        if is_late:
            with transaction(self.engine) as connection:
                connection.execute(sa.update(table).values(available_at=table.c.created_at))
            for known in self.model.runs.values():
                known.is_due = True
        row = self.claim_next(worker, is_lost=is_lost)
        return multiple() if row is None else row

    def claim_next(self, worker: str, *, is_lost: bool = False) -> RunRow | None:
        expected = self.model.next_in(SCOPES[worker])
        row = None
        with self.answer(self.engine, is_lost=is_lost), transaction(self.engine) as connection:
            row = claims.claim(connection, worker, CLOCK)
        assert (row and row.id) == expected
        if expected is None:
            return None
        self.model.claim(expected, worker)
        with transaction(self.engine) as connection:
            found = claims.claimed_by(connection, worker)
        assert found is not None
        assert found.id == min(run for run, known in self.model.running().items() if known.worker == worker)
        return self.get(expected)

    @rule(index=st.integers(0, 99), what=st.sampled_from(["pause", "pause", "resume", "cancel"]))
    def want(self, index: int, what: str) -> None:
        """Want something of a run, whatever has become of it."""
        run = sorted(self.model.runs)[index % len(self.model.runs)]
        ask = {"pause": intents.ask_to_pause, "resume": intents.ask_to_go_on, "cancel": intents.ask_to_cancel}[what]
        row, expected = self.get(run), self.model.want(run, what)
        with transaction(self.engine) as connection:
            assert ask(connection, row, at=database_now(connection, CLOCK), actor="anna") == expected

    @rule(row=held, deed=st.sampled_from(sorted(DEEDS)), is_lost=IS_LOST)
    def part_with(self, row: RunRow, deed: str, is_lost: bool) -> None:
        if DEEDS[deed] is RunStatus.QUEUED and self.model.runs[row.id].is_cancelled:
            deed = "cancelled"
        is_current = self.model.act(row, deed)
        has_said = (row.id, row.lease_term, deed) in self.model.said
        with self.answer(self.engine, is_lost=is_lost):
            assert self.do(row, deed) == (is_current, has_said)
        if is_lost:
            assert self.do(row, deed) == (False, has_said)
        self.model.conclude(row.session_id)

    def do(self, row: RunRow, deed: str) -> tuple[bool, bool]:
        values: dict[str, object] = {"claimed_by": None} if DEEDS[deed] is RunStatus.QUEUED else {}
        if deed.startswith("retrying"):
            values = run_queue.retried(row, 3600 if deed == "retrying later" else 0)
        return run_queue.put(self.engine, row, DEEDS[deed], actor=row.claimed_by or "", event=deed, **values)

    @rule(one=held, other=held)
    def renew(self, one: RunRow, other: RunRow) -> None:
        terms = {row.id: row.lease_term for row in (one, other)}
        ours = {run for run, known in self.model.running().items() if terms.get(run) == known.term}
        with transaction(self.engine) as connection:
            assert leases.renew(connection, terms, at=database_now(connection, CLOCK)) == ours
        for run in ours:
            self.model.beat(run)

    @rule(row=held)
    def fall_silent(self, row: RunRow) -> None:
        if not self.model.is_current(row):
            return
        self.model.beat(row.id, is_silent=True)
        with transaction(self.engine) as connection:
            run_queue.silence(connection, row)
        for scope in (Scope(), Scope("s"), Scope(None, ["repo"])):
            assert {one.id for one in run_queue.expired(self.engine, scope)} == self.model.silent(scope)
        self.seen[row.id] = (self.get(row.id), self.model.runs[row.id].beats)

    @rule(row=held, is_silent=st.booleans(), is_lost=IS_LOST)
    def rescue(self, row: RunRow, is_silent: bool, is_lost: bool) -> None:
        """Rescue a run that is silent, or was when it was looked at."""
        if is_silent:
            self.fall_silent(row)
        if row.id not in self.seen:
            return
        seen, beats = self.seen[row.id]
        rescuer = self.new_name("rescuer")
        is_as_seen = self.model.is_current(seen) and self.model.runs[row.id].beats == beats
        with self.answer(self.engine, is_lost=is_lost):
            assert run_queue.rescue(self.engine, seen, actor=rescuer) == is_as_seen
        if is_lost:
            assert not run_queue.rescue(self.engine, seen, actor=rescuer)
        if is_as_seen:
            self.model.rescue(row.id, rescuer)
            self.model.conclude(row.session_id)

    @rule(index=st.integers(0, 99), is_fresh=st.booleans())
    def cancel(self, index: int, is_fresh: bool) -> None:
        """Cancel a run as it was once queued, or is now."""
        row = self.queued[index % len(self.queued)]
        if is_fresh and self.model.runs[row.id].status is RunStatus.QUEUED:
            row = self.get(row.id)
        is_current, canceller = self.model.is_current(row), self.new_name("anna")
        done = run_queue.put(self.engine, row, RunStatus.CANCELLED, actor=canceller, event="cancelled")
        assert done == (False, is_current)
        if is_current:
            self.model.cancel(row.id, canceller)
        self.model.conclude(row.session_id)

    @rule(row=held, number=st.sampled_from([1, 2]), is_lost=IS_LOST)
    def store_page(self, row: RunRow, number: int, is_lost: bool) -> None:
        text, is_current = f"of term {row.lease_term}", self.model.is_current(row)
        with self.answer(self.store._engine, is_lost=is_lost and is_current):
            assert run_queue.is_stored(self.store, row, number, text) == is_current
        if is_current:
            self.model.pages[row.id, row.attempt, number] = text
            assert run_queue.is_stored(self.store, row, number, text)

    @rule(row=held)
    def finish_the_document(self, row: RunRow) -> None:
        if self.model.is_current(row):
            key, place = key_of(row), (row.id, row.attempt)
            assert self.store.take_over(key, row.owner) == (place not in self.model.documents)
            self.store.begin(key, [DOCUMENT])
            self.model.documents[place] = f"of term {row.lease_term}"
            self.store.store(key, [], [finished("succeeded", 2, self.model.documents[place])])

    @rule(row=held)
    def come_back_from_the_dead(self, row: RunRow) -> None:
        if self.model.is_current(row):
            return
        before = contents(self.engine)
        key = key_of(row)
        for write in (
            lambda: self.store.take_over(key, row.owner),
            lambda: self.store.begin(key, [DOCUMENT]),
            lambda: self.store.store(key, [page(1, "late")], []),
            lambda: self.store.store(key, [], [finished("failed", 1, "late")]),
        ):
            with pytest.raises(FencedOut):
                write()
        for deed in DEEDS:
            assert self.do(row, deed) == (False, (row.id, row.lease_term, deed) in self.model.said)
        with transaction(self.engine) as connection:
            at = database_now(connection, CLOCK)
            assert leases.renew(connection, {row.id: row.lease_term}, at=at) == set()
            assert not runs.hold(connection, row)
        assert not run_queue.rescue(self.engine, row, actor="rescuer")
        assert contents(self.engine) == before

    @invariant()
    def the_tables_are_as_the_model(self) -> None:
        with transaction(self.engine) as connection:
            stored = connection.execute(sa.select(table)).all()
            found = connection.execute(sa.select(run_events).order_by(run_events.c.id)).all()
            statuses = {row.id: row.status for row in connection.execute(sa.select(sessions))}
            texts = {(row.run, row.attempt, row.page_number): row.text for row in connection.execute(sa.select(pages))}
            errors = {(row.run, row.attempt): row.error for row in connection.execute(sa.select(documents))}
            assert intents.wanted(connection, list(self.model.runs)) == self.model.wanted()
        assert (statuses, texts, errors) == (self.model.sessions, self.model.pages, self.model.documents)
        assert {row.id for row in stored} == set(self.model.runs)
        for row in stored:
            known = self.model.runs[row.id]
            assert (row.status, row.lease_term, row.attempt) == (known.status, known.term, known.attempt)
            assert (row.claimed_by, row.rescue_count) == (known.worker, known.rescues)
            events = [event for event in found if event.run_id == row.id]
            changes = [event for event in events if event.to_status is not None]
            steps = [(one.from_status, one.to_status, one.lease_term, one.actor) for one in changes]
            assert steps == self.model.steps[row.id]
            assert [event.at for event in events] == sorted(event.at for event in events)
        lanes = [(row.session_id, row.lane) for row in stored if row.status == RunStatus.RUNNING and row.lane]
        assert len(lanes) == len(set(lanes))

    def teardown(self) -> None:
        if self.model.runs:
            check_histories(self.engine, self.model.claims)


def test_the_last_claim_alone_counts(engine: Engine, database_url: str) -> None:
    store = ResultStore(database_url, shared=True)
    run_state_machine_as_test(
        lambda: Lives(engine, store),
        settings=settings(
            max_examples=100 if THOROUGH else 20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
    store.close()
