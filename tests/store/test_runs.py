from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus, TransitionError
from supervisor.store import claims, runs, sessions
from supervisor.store.engine import open_engine, transaction
from supervisor.store.events import Event, history
from supervisor.store.moments import database_now
from supervisor.store.runs import Handling, RunRow
from supervisor.store.tables import runs as table
from support.clocks import HandClock

At = Callable[[float], datetime]
AddRun = Callable[..., int]
NEW = runs.NewRun(
    run_id="a",
    session_id="s",
    commit_sha="c0ffee",
    repository="repo",
    spec={},
    requested_by="anna",
    served_by="one",
)
OTHERS = Handling(lane="B", priority=7, max_retries=0, timeout_seconds=90)
CHANGED = "priority 100 → 7, max_retries 3 → 0, timeout_seconds None → 90"


def state(engine: Engine, run: int) -> tuple[RunRow, list[Event]]:
    with transaction(engine) as connection:
        return runs.get(connection, run), history(connection, run)


@pytest.mark.usefixtures("session")
def test_a_claim_raises_the_term_and_names_the_worker(engine: Engine, add_run: AddRun, clock: HandClock) -> None:
    with transaction(engine) as connection:
        add_run(connection, "a")
        before = database_now(connection, clock)
        row = claims.claim(connection, "w1", clock)
        after = database_now(connection, clock)
        assert claims.claim(connection, "w2", clock) is None
    assert row is not None
    assert (row.status, row.lease_term, row.claimed_by) == (RunStatus.RUNNING, 1, "w1")
    assert row.claimed_at is not None
    assert before <= row.claimed_at <= after
    assert row.heartbeat_at == row.started_at == row.claimed_at
    assert (row.attempt, row.max_retries, row.retry_count, row.rescue_count) == (1, 3, 0, 0)
    assert state(engine, row.id)[0] == row


@pytest.mark.usefixtures("session")
def test_claims_go_by_priority_then_age_among_the_rows_that_are_due(
    engine: Engine, add_run: AddRun, clock: HandClock, at: At
) -> None:
    with transaction(engine) as connection:
        a, b, c = (add_run(connection, name, priority=number) for name, number in zip("abc", (9, 9, 1), strict=True))
        d = add_run(connection, "d", priority=1)
        hour_later = database_now(connection, clock) + timedelta(hours=1)
        connection.execute(sa.update(table).where(table.c.id == d).values(available_at=hour_later))
        order = []
        while row := claims.claim(connection, "w", clock):
            order.append(row.id)
        assert order == [c, a, b]
        connection.execute(sa.update(table).where(table.c.id == d).values(available_at=at(0)))
        late = claims.claim(connection, "w", clock)
        assert late is not None
        assert late.id == d


def test_the_start_of_a_run_is_its_first_claim(engine: Engine, claimed: RunRow, clock: HandClock, at: At) -> None:
    clock.seconds = 60
    with transaction(engine) as connection:
        runs.transition(connection, claimed, RunStatus.QUEUED, at=at(1), actor="x", event="rescued")
        again = claims.claim(connection, "w2", clock)
    assert again is not None
    assert claimed.started_at is not None
    assert (again.lease_term, again.attempt, again.claimed_by) == (2, 1, "w2")
    assert again.started_at == claimed.started_at
    assert again.claimed_at is not None
    assert again.claimed_at > claimed.started_at
    assert claimed.owner == again.owner


@pytest.mark.usefixtures("session")
def test_a_run_id_is_active_once_in_a_repository(engine: Engine, add_run: AddRun, clock: HandClock, at: At) -> None:
    with transaction(engine) as connection:
        first = add_run(connection, "a")
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as connection:
        add_run(connection, "a")
    with transaction(engine) as connection:
        assert claims.claim(connection, "w", clock) is not None
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as connection:
        add_run(connection, "a")
    with transaction(engine) as connection:
        runs.add(connection, replace(NEW, repository="another repository"), at=at(0))
        assert [event.event for event in history(connection, first)] == ["queued", "claimed"]


def test_attempts_and_terms_go_on_from_row_to_row(
    engine: Engine, claimed: RunRow, add_run: AddRun, clock: HandClock, at: At
) -> None:
    with transaction(engine) as connection:
        assert runs.active(connection, "repo", "a") == claimed
        runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        assert runs.active(connection, "repo", "a") is None
        second = runs.get(connection, add_run(connection, "a"))
        assert (second.attempt, second.lease_term) == (2, 1)
        again = claims.claim(connection, "w", clock)
        assert again == runs.get(connection, second.id)
        assert again.lease_term == 2
        assert [(event.attempt, event.lease_term) for event in history(connection, second.id)] == [(2, 1), (2, 2)]
        elsewhere = runs.add(connection, replace(NEW, repository="another"), at=at(2))
        other = runs.get(connection, elsewhere)
        assert (other.attempt, other.lease_term) == (1, 2), "it shares the run's database, so its terms go on, too"
        assert [row.id for row in runs.of_rows(connection, [second.id, claimed.id])] == [claimed.id, second.id]


def test_what_a_repository_ever_had_is_known(engine: Engine, claimed: RunRow, add_run: AddRun, at: At) -> None:
    with transaction(engine) as connection:
        runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        for name in ("a", "c", "B"):
            add_run(connection, name)
        runs.add(connection, replace(NEW, run_id="z", repository="another"), at=at(0))
        assert runs.run_ids(connection, "repo") == ["B", "a", "c"]
        assert runs.run_ids(connection, "none") == []


def test_who_holds_an_older_term_changes_nothing(engine: Engine, claimed: RunRow, clock: HandClock, at: At) -> None:
    with transaction(engine) as connection:
        assert runs.transition(connection, claimed, RunStatus.QUEUED, at=at(1), actor="x", event="rescued")
        now = claims.claim(connection, "w2", clock)
        before = runs.get(connection, claimed.id), history(connection, claimed.id)
        for status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUEUED):
            assert not runs.transition(connection, claimed, status, at=at(3), actor="w1", event="late")
        assert not runs.hold(connection, claimed)
        assert (runs.get(connection, claimed.id), history(connection, claimed.id)) == before
        assert now is not None
        assert runs.hold(connection, now)
        assert runs.transition(connection, now, RunStatus.SUCCEEDED, at=at(4), actor="w2", event="succeeded")
        assert not runs.hold(connection, now)


def test_a_step_that_the_table_lacks_is_a_defect(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        runs.transition(connection, claimed, RunStatus.SUCCEEDED, at=at(1), actor="x", event="succeeded")
        ended = runs.get(connection, claimed.id)
        with pytest.raises(TransitionError):
            runs.transition(connection, ended, RunStatus.QUEUED, at=at(2), actor="x", event="again")


def test_what_is_held_is_kept_from_everybody_else_until_the_end_of_the_transaction(
    engine: Engine, database_url: str, claimed: RunRow, at: At
) -> None:
    other = open_engine(database_url)

    def requeue() -> bool:
        with transaction(other) as connection:
            return runs.transition(connection, claimed, RunStatus.QUEUED, at=at(9), actor="x", event="rescued")

    with ThreadPoolExecutor() as threads:
        with transaction(engine) as connection:
            assert runs.hold(connection, claimed)
            requeued = threads.submit(requeue)
            with pytest.raises(TimeoutError):
                requeued.result(timeout=0.3)
            runs.transition(connection, claimed, RunStatus.SUCCEEDED, at=at(1), actor="w1", event="succeeded")
        assert not requeued.result(timeout=30)
    other.dispose()
    assert state(engine, claimed.id)[0].status is RunStatus.SUCCEEDED


def test_settling(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        assert runs.unsettled(connection, "repo") == []
        runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        assert [row.id for row in runs.unsettled(connection, "repo")] == [claimed.id]
        assert runs.unsettled(connection, "another repository") == []
        runs.settle(connection, claimed.id, at=at(2))
        runs.settle(connection, claimed.id, at=at(3))
        assert runs.unsettled(connection, "repo") == []
        assert runs.get(connection, claimed.id).settled_at == at(2)


@pytest.mark.usefixtures("session")
def test_a_queued_run_that_is_named_again_is_served_as_asked_now(engine: Engine, add_run: AddRun, at: At) -> None:
    with transaction(engine) as connection:
        row = runs.get(connection, add_run(connection, "a", lane="A"))
        connection.execute(sa.update(table).values(available_at=at(3600)))
        runs.serve(connection, row, "two", OTHERS, at=at(5), actor="berta")
    after, [*_, event] = state(engine, row.id)
    assert after == replace(row, served_by="two", available_at=at(5), **vars(OTHERS))
    reason = f"named again, lane A → {OTHERS.lane}, {CHANGED}"
    detail = {"reason": reason, "from": "one", "to": "two"}
    assert event == Event(row.id, 1, 0, at(5), "berta", "continued", None, None, detail)


def test_a_running_run_that_is_named_again_keeps_its_lane_until_it_is_queued(
    engine: Engine, claimed: RunRow, at: At
) -> None:
    with transaction(engine) as connection:
        runs.serve(connection, claimed, None, OTHERS, at=at(5), actor="berta")
    after, [*_, event] = state(engine, claimed.id)
    assert after == replace(claimed, served_by=None, available_at=at(5), priority=7, max_retries=0, timeout_seconds=90)
    assert event.detail == {"reason": f"named again, {CHANGED}", "from": "one", "to": None}


@pytest.mark.usefixtures("session")
def test_a_run_that_is_named_again_without_options_is_treated_as_before(
    engine: Engine, add_run: AddRun, at: At
) -> None:
    with transaction(engine) as connection:
        row = runs.get(connection, add_run(connection, "a", **vars(OTHERS)))
        runs.serve(connection, row, "two", Handling(), at=at(5), actor="berta")
    after, [*_, event] = state(engine, row.id)
    assert after == replace(row, served_by="two", available_at=at(5))
    assert event.detail["reason"] == "named again"


@pytest.mark.usefixtures("session")
def test_a_queued_run_moves_and_its_history_says_so(engine: Engine, add_run: AddRun, at: At) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "t", "again", at=at(1))
        row = runs.get(connection, add_run(connection, "a"))
        runs.move(connection, row, "t", at=at(2), actor="two")
    after, [*_, event] = state(engine, row.id)
    assert after == replace(row, session_id="t")
    detail = {"from_session": "s", "to_session": "t"}
    assert event == Event(row.id, 1, 0, at(2), "two", "moved", None, None, detail)
    with transaction(engine) as connection:
        runs.move(connection, row, "t", at=at(3), actor="late")
    assert state(engine, row.id)[1][-1] == event, "it is not in that session any more"


def test_a_run_that_was_claimed_meanwhile_stays_where_it_is(engine: Engine, claimed: RunRow, at: At) -> None:
    before = state(engine, claimed.id)
    with transaction(engine) as connection:
        sessions.add(connection, "t", "again", at=at(1))
        queued = replace(claimed, status=RunStatus.QUEUED, lease_term=0)
        runs.move(connection, queued, "t", at=at(2), actor="two")
    assert state(engine, claimed.id) == before


def test_activity_in_any_repository(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        runs.add(connection, replace(NEW, repository="another"), at=at(0))
        assert runs.is_active(connection, "a")
        assert not runs.is_active(connection, "b")
        runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        assert runs.is_active(connection, "a")


@pytest.mark.usefixtures("session")
def test_a_row_comes_back_as_it_went_in(engine: Engine, at: At) -> None:
    spec = {"jobs": [{"name": "büro", "dpi": 300}], "documents": [], "nothing": None}
    elsewhere = at(0).astimezone(timezone(timedelta(hours=5)))
    new = replace(NEW, spec=spec, **vars(OTHERS))
    with transaction(engine) as connection:
        row = runs.get(connection, runs.add(connection, new, at=elsewhere))
        stored = connection.execute(sa.select(table.c.created_at, table.c.available_at, table.c.requested_by)).one()
    assert row.spec == spec
    assert (row.attempt, row.lease_term, row.claimed_by, row.settled_at) == (1, 0, None, None)
    assert (row.served_by, row.created_at) == ("one", at(0))
    assert {name: getattr(row, name) for name in vars(OTHERS)} == vars(OTHERS)
    assert tuple(stored) == (at(0), at(0), "anna")
    assert stored.created_at.utcoffset() == timedelta(0)


def test_what_cannot_be_stored_of_an_error_is_replaced(engine: Engine, claimed: RunRow, at: At) -> None:
    values = {"error": "no\0such \udcff file"}
    with transaction(engine) as connection:
        runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed", values=values)
    assert state(engine, claimed.id)[0].error == "no\N{REPLACEMENT CHARACTER}such \\udcff file"


@pytest.mark.usefixtures("session")
def test_naive_times_are_refused(engine: Engine, at: At) -> None:
    with pytest.raises(sa.exc.StatementError, match="aware"), transaction(engine) as connection:
        runs.add(connection, NEW, at=at(0).replace(tzinfo=None))
