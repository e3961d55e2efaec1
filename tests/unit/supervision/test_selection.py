from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.errors import UsageError
from supervisor.model.states import SessionStatus
from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.runs import NewRun
from supervisor.store.tables import sessions as table
from supervisor.supervision.control.selection import find_session
from support.clocks import HandClock

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _sessions(engine: Engine) -> None:
    made = {"ab12": "night", "ab34": "night", "ab": "letters", "cd56": "ab12", "ef78": "ab9"}
    with transaction(engine) as connection:
        for session_id, title in made.items():
            sessions.add(connection, session_id, title, at=AT)


@pytest.mark.parametrize(
    ("name", "session_id"),
    [
        ("cd56", "cd56"),
        ("c", "cd56"),
        ("letters", "ab"),
        ("lett", "ab"),
        ("ab9", "ef78"),
        ("ab", "ab"),  # not the others that begin so
        ("ab12", "ab12"),  # not the one with that title
    ],
)
def test_a_session_is_found_by_id_beginning_or_title(engine: Engine, name: str, session_id: str) -> None:
    assert find_session(engine, None, name).id == session_id


@pytest.mark.parametrize("name", ["nights", "Night", "%", "_b", "\udcff"])
def test_one_that_is_not_there(engine: Engine, name: str) -> None:
    with pytest.raises(UsageError, match="there is no session") as caught:
        find_session(engine, None, name)
    assert caught.value.exit_code == 2


def test_one_of_several_has_to_be_named_better(engine: Engine) -> None:
    with pytest.raises(UsageError) as caught:
        find_session(engine, None, "nig")
    assert caught.value.message == "'nig' could be session ab12 (night) or session ab34 (night)"
    assert caught.value.hint == "name more of it, or say which, as in session:ab12"
    assert find_session(engine, None, "session:ab12").id == "ab12"


def end(engine: Engine, *session_ids: str) -> None:
    with transaction(engine) as connection:
        connection.execute(sa.update(table).where(table.c.id.in_(session_ids)).values(status=SessionStatus.COMPLETED))


def test_of_several_the_one_that_has_not_ended_is_meant(engine: Engine) -> None:
    end(engine, "ab12", "cd56", "ef78")
    assert find_session(engine, None, "night").id == "ab34"
    assert find_session(engine, None, "cd").id == "cd56", "there is no other"
    assert find_session(engine, None, "ab12").id == "ab12", "an id is an id"
    end(engine, "ab")
    assert find_session(engine, None, "a").id == "ab34", "the beginning of an id"


def test_of_several_that_have_ended_the_newest_with_the_title_is_meant(engine: Engine) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "0001", "night", at=AT + timedelta(days=1))
    end(engine, "ab12", "ab34", "0001")
    assert find_session(engine, None, "night").id == "0001"
    with pytest.raises(UsageError, match="could be session 0001"):
        find_session(engine, None, "nig")


def test_a_session_is_looked_for_in_one_repository(engine: Engine, clock: HandClock) -> None:
    with transaction(engine) as connection:
        for run_id, repository, session_id in (("x1", "here", "ab12"), ("x2", "there", "ab34")):
            new = NewRun(
                run_id=run_id,
                session_id=session_id,
                commit_sha="c0ffee",
                repository=repository,
                spec={},
                requested_by="anna",
                served_by=None,
            )
            runs.add(connection, new, at=clock.now())
    assert find_session(engine, "here", "night").id == "ab12"
    assert find_session(engine, "there", "night").id == "ab34"
    assert find_session(engine, "there", "letters").id == "ab", "it has no run yet"
    with pytest.raises(UsageError, match="there is no session 'night' here"):
        find_session(engine, "elsewhere", "night")
    with pytest.raises(UsageError, match="there is no session 'x1' here") as caught:
        find_session(engine, "here", "x1")
    assert caught.value.hint == "that is a run: supervisor show x1"
