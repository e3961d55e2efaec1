"""Any sequence of claims, ends, rescues and late words by stale holders keeps rows and histories in step."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from sqlalchemy.engine import Engine

from supervisor.model.states import ACTIVE, TRANSITIONS, RunStatus, TransitionError
from supervisor.store import claims, runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.events import history
from supervisor.store.moments import database_now
from supervisor.store.runs import NewRun, RunRow
from supervisor.store.tables import control
from supervisor.store.tables import runs as table

RUN_IDS = st.sampled_from(["a", "b", "c"])


class Ticking:
    """A clock on which time passes only by looking at it; a server has one of its own."""

    def __init__(self) -> None:
        self.seconds = 0

    def monotonic(self) -> float:
        self.seconds += 1
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())


@dataclass(frozen=True)
class Known:
    """What the model knows of a row; `is_due` is False for one that is to wait longer than any test takes."""

    run_id: str
    priority: int
    lane: str | None
    status: RunStatus
    term: int
    rescues: int = 0
    is_due: bool = True


class RunLife(RuleBasedStateMachine):
    """Compares `store.runs` and `store.claims` with a model that is a dictionary."""

    seen = Bundle("seen")
    changes = Bundle("changes")

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.clock = Ticking()
        self.actors = 0
        self.rows: dict[int, Known] = {}
        self.steps: dict[int, list[tuple[RunStatus | None, RunStatus, int]]] = {}
        with transaction(self.engine) as connection:
            for earlier in reversed(control.sorted_tables):
                connection.execute(sa.delete(earlier))
            sessions.add(connection, "s", "life", at=database_now(connection, self.clock))

    def is_current(self, row: RunRow) -> bool:
        known = self.rows[row.id]
        return (known.status, known.term) == (row.status, row.lease_term)

    def note(self, run: int, after: RunStatus, term: int, *, is_due: bool = True) -> None:
        before = self.rows[run]
        self.rows[run] = replace(before, status=after, term=term, is_due=is_due)
        self.steps[run].append((before.status, after, term))

    def change(self, row: RunRow, to_status: RunStatus, actor: str, **values: object) -> bool:
        with transaction(self.engine) as connection:
            now = database_now(connection, self.clock)
            return runs.transition(connection, row, to_status, at=now, actor=actor, event=to_status, values=values)

    def somebody(self) -> str:
        """Name one who has not acted yet: whoever does the same again is told that it is done."""
        self.actors += 1
        return f"x{self.actors}"

    @rule(target=seen, run_id=RUN_IDS, priority=st.sampled_from([1, 100]), lane=st.sampled_from([None, "A", "B"]))
    def add(self, run_id: str, priority: int, lane: str | None) -> object:
        taken = any(known.run_id == run_id and known.status in ACTIVE for known in self.rows.values())
        new = NewRun(
            run_id=run_id,
            session_id="s",
            commit_sha="c0ffee",
            repository="repo",
            spec={},
            requested_by="anna",
            served_by="one",
            lane=lane,
            priority=priority,
        )
        try:
            with transaction(self.engine) as connection:
                row = runs.get(connection, runs.add(connection, new, at=database_now(connection, self.clock)))
        except sa.exc.IntegrityError:
            assert taken
            return multiple()
        assert not taken
        terms = [known.term for known in self.rows.values() if known.run_id == run_id]
        assert row.attempt == 1 + len(terms)
        assert row.lease_term == max(terms, default=0)
        self.rows[row.id] = Known(run_id, priority, lane, RunStatus.QUEUED, row.lease_term)
        self.steps[row.id] = [(None, RunStatus.QUEUED, row.lease_term)]
        return row

    @rule(target=seen, worker=st.sampled_from(["w1", "w2"]))
    def claim(self, worker: str) -> object:
        busy = {known.lane for known in self.rows.values() if known.status is RunStatus.RUNNING} - {None}
        queue = sorted(
            (known.priority, run)
            for run, known in self.rows.items()
            if known.status is RunStatus.QUEUED and known.is_due and known.lane not in busy
        )
        with transaction(self.engine) as connection:
            row = claims.claim(connection, worker, self.clock)
        if row is None:
            assert not queue
            return multiple()
        assert (row.priority, row.id) == queue[0]
        assert (row.status, row.claimed_by) == (RunStatus.RUNNING, worker)
        assert row.lease_term == self.rows[row.id].term + 1
        self.note(row.id, RunStatus.RUNNING, row.lease_term)
        return row

    @rule(target=changes, row=seen, to_status=st.sampled_from([s for s in RunStatus if s is not RunStatus.RUNNING]))
    def transition(self, row: RunRow, to_status: RunStatus) -> object:
        actor = self.somebody()
        if to_status not in TRANSITIONS[row.status]:
            with pytest.raises(TransitionError):
                self.change(row, to_status, actor)
            return multiple()
        changed = self.change(row, to_status, actor)
        assert changed == self.is_current(row)
        if not changed:
            return multiple()
        self.note(row.id, to_status, row.lease_term)
        return row, to_status, actor

    @rule(change=changes)
    def make_a_change_again_whose_answer_was_lost(self, change: tuple[RunRow, RunStatus, str]) -> None:
        assert self.change(*change)

    @rule(row=seen)
    def rescue(self, row: RunRow) -> None:
        """As one does who read the row some time ago."""
        if row.status is not RunStatus.RUNNING:
            return
        changed = self.change(
            row, RunStatus.QUEUED, self.somebody(), claimed_by=None, rescue_count=table.c.rescue_count + sa.literal(1)
        )
        assert changed == self.is_current(row)
        if changed:
            self.note(row.id, RunStatus.QUEUED, row.lease_term)
            self.rows[row.id] = replace(self.rows[row.id], rescues=self.rows[row.id].rescues + 1)

    @rule(row=seen)
    def retry_much_later(self, row: RunRow) -> None:
        if row.status is not RunStatus.RUNNING:
            return
        changed = self.change(
            row, RunStatus.QUEUED, self.somebody(), available_at=datetime.now(UTC) + timedelta(days=1)
        )
        assert changed == self.is_current(row)
        if changed:
            self.note(row.id, RunStatus.QUEUED, row.lease_term, is_due=False)

    @rule(row=seen)
    def fail_to_record(self, row: RunRow) -> None:
        if not self.is_current(row) or not TRANSITIONS[row.status]:
            return
        with pytest.raises(sa.exc.StatementError), transaction(self.engine) as connection:
            runs.transition(
                connection,
                row,
                RunStatus.CANCELLED,
                at=database_now(connection, self.clock),
                actor=self.somebody(),
                event="cancelled",
                detail={"reason": object()},
            )

    @invariant()
    def rows_and_histories_agree_with_the_model(self) -> None:
        with transaction(self.engine) as connection:
            stored = connection.execute(sa.select(table)).all()
            histories = {run: history(connection, run) for run in self.rows}
        assert {row.id: (row.run_id, row.status, row.lease_term, row.rescue_count) for row in stored} == {
            run: (known.run_id, known.status, known.term, known.rescues) for run, known in self.rows.items()
        }
        active = [row.run_id for row in stored if row.status in ACTIVE]
        assert len(active) == len(set(active))
        lanes = [row.lane for row in stored if row.status == RunStatus.RUNNING and row.lane]
        assert len(lanes) == len(set(lanes))
        for run, events in histories.items():
            assert [(event.from_status, event.to_status, event.lease_term) for event in events] == self.steps[run]
            assert [event.at for event in events] == sorted(event.at for event in events)
        for run_id in {known.run_id for known in self.rows.values()}:
            events = [event for run, events in histories.items() if self.rows[run].run_id == run_id for event in events]
            terms = [event.lease_term for event in events if event.event == "claimed"]
            assert terms == list(range(1, len(terms) + 1)), "two claims of a run id have the same term"


def test_the_life_of_runs(engine: Engine) -> None:
    run_state_machine_as_test(
        lambda: RunLife(engine),
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
