"""Any sequence of claims, ends, rescues and late words by stale holders keeps rows and histories in step."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from supervisor.model.states import ACTIVE, TRANSITIONS, RunStatus, TransitionError
from supervisor.store import runs, sessions
from supervisor.store.engine import open_engine, transaction
from supervisor.store.events import history
from supervisor.store.runs import NewRun, RunRow
from supervisor.store.schema import prepare_control
from supervisor.store.tables import runs as table

RUN_IDS = st.sampled_from(["a", "b", "c"])


class RunLife(RuleBasedStateMachine):
    """Compares `store.runs` with a model that is a dictionary."""

    seen = Bundle("seen")

    def __init__(self, url: str) -> None:
        super().__init__()
        self.engine = open_engine(url)
        prepare_control(self.engine)
        self.now = datetime(2026, 5, 1, tzinfo=UTC)
        self.rows: dict[int, tuple[str, RunStatus, int]] = {}
        self.steps: dict[int, list[tuple[RunStatus | None, RunStatus, int]]] = {}
        with transaction(self.engine) as connection:
            sessions.add(connection, "s", "life", at=self.now)

    def teardown(self) -> None:
        self.engine.dispose()

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def is_current(self, row: RunRow) -> bool:
        return self.rows[row.id][1:] == (row.status, row.lease_term)

    def note(self, run: int, after: RunStatus, term: int) -> None:
        run_id, before, _ = self.rows[run]
        self.rows[run] = (run_id, after, term)
        self.steps[run].append((before, after, term))

    @rule(target=seen, run_id=RUN_IDS)
    def add(self, run_id: str) -> object:
        taken = any(name == run_id and status in ACTIVE for name, status, _ in self.rows.values())
        try:
            with transaction(self.engine) as connection:
                new = NewRun(run_id, "s", "c0ffee", "repo", {}, requested_by="anna", served_by="one")
                row = runs.get(connection, runs.add(connection, new, at=self.tick()))
        except sa.exc.IntegrityError:
            assert taken
            return multiple()
        assert not taken
        terms = [term for name, _, term in self.rows.values() if name == run_id]
        assert row.attempt == 1 + len(terms)
        assert row.lease_term == max(terms, default=0)
        self.rows[row.id] = (run_id, RunStatus.QUEUED, row.lease_term)
        self.steps[row.id] = [(None, RunStatus.QUEUED, row.lease_term)]
        return row

    @rule(target=seen, worker=st.sampled_from(["w1", "w2"]), run_ids=st.sets(RUN_IDS))
    def claim(self, worker: str, run_ids: set[str]) -> object:
        wanted = [run for run, (name, _, _) in self.rows.items() if name in run_ids]
        queued = [run for run in wanted if self.rows[run][1] is RunStatus.QUEUED]
        with transaction(self.engine) as connection:
            row = runs.claim(connection, worker, wanted, at=self.tick())
        if row is None:
            assert not queued
            return multiple()
        assert row.id == min(queued)
        assert row.lease_term == self.rows[row.id][2] + 1
        self.note(row.id, RunStatus.RUNNING, row.lease_term)
        return row

    @rule(row=seen, to_status=st.sampled_from([status for status in RunStatus if status is not RunStatus.RUNNING]))
    def transition(self, row: RunRow, to_status: RunStatus) -> None:
        with transaction(self.engine) as connection:
            if to_status not in TRANSITIONS[row.status]:
                with pytest.raises(TransitionError):
                    runs.transition(connection, row, to_status, at=self.tick(), actor="x", event=to_status)
                return
            changed = runs.transition(connection, row, to_status, at=self.tick(), actor="x", event=to_status)
        assert changed == self.is_current(row)
        if changed:
            self.note(row.id, to_status, row.lease_term)

    @rule(row=seen)
    def rescue(self, row: RunRow) -> None:
        """As `supervision.rescue` does, for a row that it read some time ago."""
        if row.status is not RunStatus.RUNNING:
            return
        values = {"claimed_by": None, "rescue_count": table.c.rescue_count + sa.literal(1)}
        with transaction(self.engine) as connection:
            before = connection.scalar(sa.select(table.c.rescue_count).where(table.c.id == row.id))
            changed = runs.transition(
                connection, row, RunStatus.QUEUED, at=self.tick(), actor="x", event="rescued", values=values
            )
            after = connection.scalar(sa.select(table.c.rescue_count).where(table.c.id == row.id))
        assert changed == self.is_current(row)
        assert after == (before or 0) + changed
        if changed:
            self.note(row.id, RunStatus.QUEUED, row.lease_term)

    @rule(row=seen)
    def fail_to_record(self, row: RunRow) -> None:
        if not self.is_current(row) or not TRANSITIONS[row.status]:
            return
        with pytest.raises(sa.exc.StatementError), transaction(self.engine) as connection:
            runs.transition(
                connection,
                row,
                RunStatus.CANCELLED,
                at=self.tick(),
                actor="x",
                event="cancelled",
                detail={"reason": object()},
            )

    @invariant()
    def rows_and_histories_agree_with_the_model(self) -> None:
        with transaction(self.engine) as connection:
            stored = connection.execute(sa.select(table)).all()
            histories = {run: history(connection, run) for run in self.rows}
        assert {row.id: (row.run_id, row.status, row.lease_term) for row in stored} == self.rows
        active = [row.run_id for row in stored if row.status in ACTIVE]
        assert len(active) == len(set(active))
        for run, events in histories.items():
            assert [(event.from_status, event.to_status, event.lease_term) for event in events] == self.steps[run]
            assert [event.at for event in events] == sorted(event.at for event in events)
        for run_id in {name for name, _, _ in self.rows.values()}:
            claims = [event for run, events in histories.items() if self.rows[run][0] == run_id for event in events]
            terms = [event.lease_term for event in claims if event.event == "claimed"]
            assert terms == list(range(1, len(terms) + 1)), "two claims of a run id have the same term"


def test_the_life_of_runs(new_database_url: Callable[[], str]) -> None:
    run_state_machine_as_test(
        lambda: RunLife(new_database_url()),
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
