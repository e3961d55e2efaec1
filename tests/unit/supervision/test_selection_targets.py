import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.errors import UsageError
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.runs import NewRun
from supervisor.store.tables import runs as table
from supervisor.store.tables import sessions as session_table
from supervisor.supervision.control.selection import Target, find_run, resolve
from support.clocks import HandClock

SESSIONS = {
    "b28e79996e38": ("Night", ["letters", "books", "b2"]),
    "c0ffee000000": ("minutes", ["minutes"]),
    "d00d00000000": ("books", ["photos", "photos-1921"]),
}


@pytest.fixture(autouse=True)
def _rows(engine: Engine, clock: HandClock) -> None:
    with transaction(engine) as connection:
        for session_id, (title, run_ids) in SESSIONS.items():
            add(connection, clock, (session_id, title), run_ids)
        add(connection, clock, ("e11e00000000", "Elsewhere"), ["atlas", "letters"], repository="other")
        sessions.add(connection, "f00000000000", "Planned", at=clock.now())


def add(
    connection: sa.Connection, clock: HandClock, session: tuple[str, str], run_ids: list[str], repository: str = "repo"
) -> None:
    session_id, title = session
    sessions.add(connection, session_id, title, at=clock.now())
    for run_id in run_ids:
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


def find(engine: Engine, *names: str) -> list[Target]:
    with transaction(engine) as connection:
        return resolve(connection, "repo", names)


def end(engine: Engine, *run_ids: str) -> None:
    with transaction(engine) as connection:
        connection.execute(sa.update(table).where(table.c.run_id.in_(run_ids)).values(status=RunStatus.SUCCEEDED))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("letters", "run:letters"),
        ("let", "run:letters"),
        ("photos", "run:photos"),  # not the other that begins so
        ("photos-", "run:photos-1921"),
        ("Night", "session:b28e79996e38"),
        ("b28e", "session:b28e79996e38"),
        ("d00d00000000", "session:d00d00000000"),
        ("b2", "run:b2"),  # a whole name goes before a beginning
        ("session:b2", "session:b28e79996e38"),
        ("run:b2", "run:b2"),
        ("minutes", "run:minutes"),  # of the session with its title it is the only one
        ("session:minutes", "session:c0ffee000000"),
        ("session:min", "session:c0ffee000000"),
        ("Nig", "session:b28e79996e38"),
        ("Planned", "session:f00000000000"),
    ],
)
def test_a_name_stands_for_a_run_or_a_session(engine: Engine, name: str, meant: str) -> None:
    (target,) = find(engine, name)
    assert (target.name, target.exact_name) == (name, meant)


def test_a_session_stands_for_all_its_runs(engine: Engine) -> None:
    (target,) = find(engine, "Night")
    assert [row.run_id for row in target.rows] == ["letters", "books", "b2"]
    assert target.describe() == "session b28e79996e38 (Night)"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("books", "'books' could be run books or session d00d00000000 (books)", "as in run:books"),
        ("bo", "'bo' could be run books or session d00d00000000 (books)", "name more of it"),
        ("b", "'b' could be run b2, run books, session b28e79996e38 (Night) or session d00d00000000 (books)", ""),
        ("pho", "'pho' could be run photos or run photos-1921", "as in run:photos"),
        ("leters", "there is no run or session 'leters' here", "did you mean 'letters'?"),
        ("night", "there is no run or session 'night' here", "did you mean 'Night'?"),
        ("run:Night", "there is no run 'Night' here", "that is a session: supervisor status Night"),
        ("session:letters", "there is no session 'letters' here", "that is a run: supervisor show letters"),
        ("run:Plan", "there is no run 'Plan' here", "that is a session: supervisor status Plan"),
        ("Elsewhere", "there is no run or session 'Elsewhere' here", "there are: "),
        ("atlas", "there is no run or session 'atlas' here", "there are: "),
        ("", "a name is empty", "name a run or a session"),
        ("run:", "a name is empty", "name a run or a session"),
        ("%", "there is no run or session '%' here", "there are: "),
        ("\udcff", "there is no run or session '\\udcff' here", "there are: "),
    ],
)
def test_a_name_that_is_wrong_says_what_would_be_right(engine: Engine, name: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(engine, "letters", name)
    assert caught.value.message == message
    assert hint in (caught.value.hint or "")


def test_what_has_not_ended_goes_before_what_has(engine: Engine, clock: HandClock) -> None:
    end(engine, "photos", "photos-1921")
    with transaction(engine) as connection:
        done = SessionStatus.COMPLETED
        connection.execute(sa.update(session_table).where(session_table.c.title == "books").values(status=done))
        add(connection, clock, ("a50000000000", "Night"), ["again"])
    assert find(engine, "books")[0].exact_name == "run:books", "nothing is left of the session"
    with pytest.raises(UsageError, match=r"could be session \w+ \(Night\) or session \w+ \(Night\)$"):
        find(engine, "Night")
    with transaction(engine) as connection:
        connection.execute(sa.update(session_table).where(session_table.c.id == "a50000000000").values(status=done))
    assert find(engine, "Night")[0].exact_name == "session:b28e79996e38"
    with pytest.raises(UsageError, match="could be run photos or run photos-1921"):
        find(engine, "pho")


def test_one_run_is_found_by_its_id_or_a_beginning(engine: Engine) -> None:
    assert find_run(engine, "repo", "lett").run_id == "letters"
    assert find_run(engine, "repo", "run:books").run_id == "books"
    assert find_run(engine, "repo", "photos").run_id == "photos"
    assert find_run(engine, "other", "at").run_id == "atlas"
    with pytest.raises(UsageError, match="'pho' could be run photos or run photos-1921"):
        find_run(engine, "repo", "pho")
    for name in ("Night", "session:Night", "atlas", "\udcff"):
        with pytest.raises(UsageError, match="there is no run"):
            find_run(engine, "repo", name)


def test_of_a_run_id_that_was_used_again_the_newest_row_is_meant(engine: Engine, clock: HandClock) -> None:
    end(engine, "photos")
    with transaction(engine) as connection:
        add(connection, clock, ("a50000000000", "again"), ["photos"])
    (target,) = find(engine, "photos")
    assert (target.rows[0].session_id, target.rows[0].attempt) == ("a50000000000", 2)
