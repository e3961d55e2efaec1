from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus, TransitionError
from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.events import history
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs as table

At = Callable[[float], datetime]
AddRun = Callable[..., int]
NEW = runs.NewRun("a", "s", "c0ffee", "repo", {}, requested_by="anna", served_by="one")


def test_a_claim_raises_the_term_and_names_the_worker(engine: Engine, claimed: RunRow, at: At) -> None:
    assert (claimed.status, claimed.lease_term, claimed.claimed_by) == (RunStatus.RUNNING, 1, "w1")
    assert claimed.started_at == at(0)
    with transaction(engine) as connection:
        row = connection.execute(sa.select(table).where(table.c.id == claimed.id)).one()
        assert (row.claimed_at, row.heartbeat_at, row.attempt, row.max_retries) == (at(0), at(0), 1, 3)
        assert runs.claim(connection, "w2", [claimed.id], at=at(9)) is None


@pytest.mark.usefixtures("session")
def test_claims_go_by_priority_then_age_among_the_rows_that_are_named_and_due(
    engine: Engine, add_run: AddRun, at: At
) -> None:
    with transaction(engine) as connection:
        a, b, c, d = (add_run(connection, name, when=when) for name, when in zip("abcd", (0, 0, 0, 5), strict=True))
        connection.execute(sa.update(table).where(table.c.id == c).values(priority=1))
        order = []
        while row := runs.claim(connection, "w", [a, b, c, d], at=at(4)):
            order.append(row.id)
        assert order == [c, a, b]
        assert runs.claim(connection, "w", [a, b, c], at=at(5)) is None
        assert runs.claim(connection, "w", [], at=at(5)) is None
        late = runs.claim(connection, "w", [d], at=at(5))
        assert late is not None
        assert late.id == d


def test_the_start_of_a_run_is_its_first_claim(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        runs.transition(connection, claimed, RunStatus.QUEUED, at=at(1), actor="x", event="rescued")
        again = runs.claim(connection, "w2", [claimed.id], at=at(60))
    assert again is not None
    assert (again.started_at, again.lease_term, again.attempt, again.claimed_by) == (at(0), 2, 1, "w2")
    assert (claimed.claimed_at, again.claimed_at) == (at(0), at(60))
    assert claimed.owner == again.owner


@pytest.mark.usefixtures("session")
def test_a_run_id_is_active_once_in_a_repository(engine: Engine, add_run: AddRun, at: At) -> None:
    with transaction(engine) as connection:
        first = add_run(connection, "a")
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as connection:
        add_run(connection, "a")
    with transaction(engine) as connection:
        assert runs.claim(connection, "w", [first], at=at(0)) is not None
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as connection:
        add_run(connection, "a")
    with transaction(engine) as connection:
        runs.add(connection, replace(NEW, repository="another repository"), at=at(0))
        assert [event.event for event in history(connection, first)] == ["queued", "claimed"]


def test_attempts_and_terms_go_on_from_row_to_row(engine: Engine, claimed: RunRow, add_run: AddRun, at: At) -> None:
    with transaction(engine) as connection:
        assert runs.active(connection, "repo", "a") == claimed
        runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        assert runs.active(connection, "repo", "a") is None
        second = runs.get(connection, add_run(connection, "a"))
        assert (second.attempt, second.lease_term) == (2, 1)
        assert runs.claim(connection, "w", [second.id], at=at(2)) == runs.get(connection, second.id)
        assert runs.get(connection, second.id).lease_term == 2
        assert [(event.attempt, event.lease_term) for event in history(connection, second.id)] == [(2, 1), (2, 2)]
        elsewhere = runs.add(connection, replace(NEW, repository="another"), at=at(2))
        other = runs.get(connection, elsewhere)
        assert (other.attempt, other.lease_term) == (1, 2), "it shares the run's database, so its terms go on, too"
        assert [row.id for row in runs.of_rows(connection, [second.id, claimed.id])] == [claimed.id, second.id]


def test_who_holds_an_older_term_changes_nothing(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        assert runs.transition(connection, claimed, RunStatus.QUEUED, at=at(1), actor="x", event="rescued")
        now = runs.claim(connection, "w2", [claimed.id], at=at(2))
        before = runs.get(connection, claimed.id), history(connection, claimed.id)
        for status in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUEUED):
            assert not runs.transition(connection, claimed, status, at=at(3), actor="w1", event="late")
        assert (runs.get(connection, claimed.id), history(connection, claimed.id)) == before
        assert now is not None
        assert runs.transition(connection, now, RunStatus.SUCCEEDED, at=at(4), actor="w2", event="succeeded")


def test_a_step_that_the_table_lacks_is_a_defect(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        runs.transition(connection, claimed, RunStatus.SUCCEEDED, at=at(1), actor="x", event="succeeded")
        ended = runs.get(connection, claimed.id)
        with pytest.raises(TransitionError):
            runs.transition(connection, ended, RunStatus.QUEUED, at=at(2), actor="x", event="again")


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


def test_being_continued_is_an_event(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "t", "again", at=at(1))
        runs.serve(connection, claimed, "t", "two", at=at(1), actor="berta")
        row, event = runs.get(connection, claimed.id), history(connection, claimed.id)[-1]
    assert row == replace(claimed, session_id="t", served_by="two")
    assert (event.event, event.from_status, event.to_status, event.actor) == ("continued", None, None, "berta")
    assert event.detail == {"from_session": "s", "to_session": "t", "from": "one", "to": "two"}


def test_activity_in_any_repository(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        runs.add(connection, replace(NEW, repository="another"), at=at(0))
        assert runs.is_active(connection, "a")
        assert not runs.is_active(connection, "b")
        runs.transition(connection, claimed, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        assert runs.is_active(connection, "a")


def test_a_row_comes_back_as_it_went_in(engine: Engine, session: str, at: At) -> None:
    spec = {"jobs": [{"name": "büro", "dpi": 300}], "documents": [], "nothing": None}
    elsewhere = at(0).astimezone(timezone(timedelta(hours=5)))
    with transaction(engine) as connection:
        row = runs.get(connection, runs.add(connection, replace(NEW, session_id=session, spec=spec), at=elsewhere))
        stored = connection.execute(sa.select(table.c.created_at, table.c.available_at)).one()
    assert row.spec == spec
    assert (row.attempt, row.lease_term, row.claimed_by, row.settled_at) == (1, 0, None, None)
    assert (row.served_by, row.created_at) == ("one", at(0))
    assert tuple(stored) == (at(0), at(0))
    assert stored.created_at.utcoffset() == timedelta(0)


@pytest.mark.usefixtures("session")
def test_naive_times_are_refused(engine: Engine, at: At) -> None:
    with pytest.raises(sa.exc.StatementError, match="aware"), transaction(engine) as connection:
        runs.add(connection, NEW, at=at(0).replace(tzinfo=None))
