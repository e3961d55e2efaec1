from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.errors import UsageError
from supervisor.model.states import SessionStatus
from supervisor.store import sessions
from supervisor.store.engine import transaction
from supervisor.store.tables import sessions as table
from supervisor.supervision.control.selection import find_session

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
        ("ab9", "ef78"),
        ("ab", "ab"),  # not the others that begin so
        ("ab12", "ab12"),  # not the one with that title
    ],
)
def test_a_session_is_found_by_id_beginning_or_title(engine: Engine, name: str, session_id: str) -> None:
    assert find_session(engine, name).id == session_id


@pytest.mark.parametrize("name", ["nights", "letter", "%", "_b", "\udcff"])
def test_one_that_is_not_there(engine: Engine, name: str) -> None:
    with pytest.raises(UsageError, match="there is no session") as caught:
        find_session(engine, name)
    assert caught.value.exit_code == 2


def test_one_of_several_has_to_be_named_better(engine: Engine) -> None:
    with pytest.raises(UsageError, match="could be 2 sessions") as caught:
        find_session(engine, "night")
    assert "ab12 (night)" in caught.value.message
    assert "ab34 (night)" in caught.value.message
    assert caught.value.hint == "name more of its id"


def end(engine: Engine, *session_ids: str) -> None:
    with transaction(engine) as connection:
        connection.execute(sa.update(table).where(table.c.id.in_(session_ids)).values(status=SessionStatus.COMPLETED))


def test_of_several_the_one_that_has_not_ended_is_meant(engine: Engine) -> None:
    end(engine, "ab12", "cd56")
    assert find_session(engine, "night").id == "ab34"
    assert find_session(engine, "cd").id == "cd56", "there is no other"
    assert find_session(engine, "ab12").id == "ab12", "an id is an id"
    end(engine, "ab")
    assert find_session(engine, "a").id == "ab34", "the beginning of an id"


def test_of_several_that_have_ended_one_has_to_be_named_better(engine: Engine) -> None:
    end(engine, "ab12", "ab34")
    with pytest.raises(UsageError, match="could be 2 sessions"):
        find_session(engine, "night")
