from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.locks.processes import wait_until
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import claims, runs, sessions
from supervisor.store.engine import open_engine, transaction
from supervisor.store.moments import database_now
from supervisor.store.runs import RunRow
from supervisor.store.sessions import SessionRow
from supervisor.store.tables import sessions as table
from support.clocks import HandClock

At = Callable[[float], datetime]


def test_a_session_begins_running(engine: Engine, session: str, at: At) -> None:
    with transaction(engine) as connection:
        made = SessionRow("s", "letters", None, SessionStatus.RUNNING, at(0), at(0), None)
        assert sessions.get(connection, session) == made


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ((RunStatus.SUCCEEDED, RunStatus.SUCCEEDED), SessionStatus.COMPLETED),
        ((RunStatus.SUCCEEDED, RunStatus.CANCELLED), SessionStatus.CANCELLED),
        ((RunStatus.FAILED, RunStatus.CANCELLED), SessionStatus.FAILED),
    ],
)
def test_the_last_run_ends_its_session(
    engine: Engine,
    session: str,
    add_run: Callable[..., int],
    clock: HandClock,
    at: At,
    *,
    ends: tuple[RunStatus, RunStatus],
    outcome: SessionStatus,
) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "other", "not concerned", at=at(0))
        for name in "ab":
            add_run(connection, name)
        for end in ends:
            sessions.conclude(connection, session, at=at(1))
            assert sessions.get(connection, session).status is SessionStatus.RUNNING
            row = claims.claim(connection, "w", clock)
            assert row is not None
            runs.transition(connection, row, end, at=at(2), actor="x", event=end)
        for when in (3, 4):  # who comes late changes nothing
            sessions.conclude(connection, session, at=at(when))
        assert sessions.get(connection, session).status is outcome
        assert sessions.get(connection, "other").status is SessionStatus.RUNNING
        finished = connection.scalar(sa.select(table.c.finished_at).where(table.c.id == session))
    assert finished == at(3)


@pytest.mark.parametrize("status", SessionStatus)
def test_only_a_session_that_has_ended_is_opened_again(
    engine: Engine, session: str, at: At, *, status: SessionStatus
) -> None:
    has_ended = status in {SessionStatus.COMPLETED, SessionStatus.FAILED, SessionStatus.CANCELLED}
    with transaction(engine) as connection:
        sessions.add(connection, "other", "not concerned", at=at(0))
        connection.execute(sa.update(table).values(status=status, finished_at=at(1) if has_ended else None))
        sessions.reopen(connection, session)
        assert sessions.get(connection, session).status is (SessionStatus.RUNNING if has_ended else status)
        assert sessions.get(connection, "other").status is status
        finished = {row.id: row.finished_at for row in connection.execute(sa.select(table))}
    assert finished == {session: None, "other": at(1) if has_ended else None}


@pytest.mark.parametrize("status", SessionStatus)
def test_who_may_be_paused_and_who_resumed(engine: Engine, session: str, at: At, *, status: SessionStatus) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "other", "not concerned", at=at(0))
        for change, before, after in (
            (sessions.pause, {SessionStatus.CREATED, SessionStatus.RUNNING}, SessionStatus.PAUSED),
            (partial(sessions.resume, at=at(3)), {SessionStatus.PAUSED}, SessionStatus.RUNNING),
        ):
            connection.execute(sa.update(table).values(status=status))
            assert change(connection, session) == (status in before)
            assert sessions.get(connection, session).status is (after if status in before else status)
            assert sessions.get(connection, "other").status is status


def test_a_session_that_was_paused_before_it_began_begins_when_it_is_resumed(
    engine: Engine, session: str, at: At
) -> None:
    with transaction(engine) as connection:
        connection.execute(sa.update(table).values(status=SessionStatus.PAUSED, started_at=None))
        assert sessions.resume(connection, session, at=at(3))
        assert connection.scalar(sa.select(table.c.started_at)) == at(3)
        sessions.pause(connection, session)
        assert sessions.resume(connection, session, at=at(4))
        assert connection.scalar(sa.select(table.c.started_at)) == at(3)


def test_a_paused_session_ends_when_none_of_its_runs_is_left(
    engine: Engine, claimed: RunRow, add_run: Callable[..., int], at: At
) -> None:
    with transaction(engine) as connection:
        queued = runs.get(connection, add_run(connection, "b"))
        sessions.pause(connection, "s")
        runs.transition(connection, claimed, RunStatus.SUCCEEDED, at=at(1), actor="x", event="succeeded")
        sessions.conclude(connection, "s", at=at(1))
        assert sessions.get(connection, "s").status is SessionStatus.PAUSED
        runs.transition(connection, queued, RunStatus.CANCELLED, at=at(2), actor="x", event="cancelled")
        sessions.conclude(connection, "s", at=at(2))
        assert sessions.get(connection, "s").status is SessionStatus.CANCELLED


@pytest.fixture
def last_two(
    postgres_url: str, add_run: Callable[..., int], clock: HandClock, at: At
) -> Iterator[Callable[[str], tuple[Engine, list[RunRow]]]]:
    """Make a session with two runs that both execute, on Postgres."""
    engine = open_engine(postgres_url)

    def make(session_id: str) -> tuple[Engine, list[RunRow]]:
        with transaction(engine) as connection:
            sessions.add(connection, session_id, "night", at=at(0))
            for name in "ab":
                add_run(connection, f"{session_id}-{name}", session_id=session_id)
            rows = [claims.claim(connection, name, clock) for name in "ab"]
        return engine, [row for row in rows if row is not None]

    yield make
    engine.dispose()


def finish(engine: Engine, row: RunRow, *, before_commit: Callable[[], object] = lambda: None) -> None:
    with transaction(engine) as connection:
        sessions.lock(connection, row.session_id)
        at = database_now(connection, HandClock())
        assert runs.transition(connection, row, RunStatus.SUCCEEDED, at=at, actor="x", event="succeeded")
        sessions.conclude(connection, row.session_id, at=at)
        before_commit()


def test_of_two_last_finishers_the_second_waits_and_ends_the_session(
    last_two: Callable[[str], tuple[Engine, list[RunRow]]],
) -> None:
    engine, (first, second) = last_two("s")
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")

    def is_waiting() -> bool:
        with transaction(engine) as connection:
            return bool(connection.scalar(waiting))

    others: list[Future[None]] = []
    with ThreadPoolExecutor() as threads:

        def let_the_other_finish() -> None:
            others.append(threads.submit(finish, engine, second))
            assert wait_until(is_waiting, 30), "it went on, and cannot have seen what the first one is doing"

        finish(engine, first, before_commit=let_the_other_finish)
        others[0].result(timeout=30)
    with transaction(engine) as connection:
        assert sessions.get(connection, "s").status is SessionStatus.COMPLETED


def test_last_finishers_at_once_end_their_session(
    last_two: Callable[[str], tuple[Engine, list[RunRow]]],
) -> None:
    start = Barrier(2)

    def finish_at_once(engine: Engine, row: RunRow) -> None:
        start.wait(10)
        finish(engine, row)

    with ThreadPoolExecutor() as threads:
        for number in range(20):
            engine, rows = last_two(f"s{number}")
            for finished in [threads.submit(finish_at_once, engine, row) for row in rows]:
                finished.result(timeout=30)
            with transaction(engine) as connection:
                assert sessions.get(connection, f"s{number}").status is SessionStatus.COMPLETED


@pytest.mark.usefixtures("session")
def test_others_are_the_queued_and_running_rows_beside_those_named(
    engine: Engine, add_run: Callable[..., int], clock: HandClock, at: At
) -> None:
    with transaction(engine) as connection:
        a, b = (add_run(connection, name) for name in "ab")
        sessions.add(connection, "t", "another", at=at(0))
        add_run(connection, "c", session_id="t")
        assert sessions.has_others(connection, "s", [])
        assert sessions.has_others(connection, "s", [b])
        assert not sessions.has_others(connection, "s", [a, b])
        row = claims.claim(connection, "w", clock)
        assert row is not None
        assert row.id == a
        assert sessions.has_others(connection, "s", [b]), "a running one counts as well"
        runs.transition(connection, row, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        assert not sessions.has_others(connection, "s", [b])


def test_a_session_goes_by_its_title_or_the_beginning_of_its_id(engine: Engine, at: At) -> None:
    made = [("ab12", "night"), ("ab%3", "letters"), ("cd45", "ab12"), ("abcd", "50% night"), ("ef67", "x\0y \udcff")]
    with transaction(engine) as connection:
        for when, (session_id, title) in enumerate(made):
            sessions.add(connection, session_id, title, at=at(when))

        def named(name: str) -> list[str]:
            return [session.id for session in sessions.named(connection, name)]

        assert named("night") == ["ab12"]
        assert named("nigh") == ["ab12"]
        assert named("Night") == [], "capitals are letters of their own, whatever the database thinks"
        assert named("cd") == ["cd45"]
        assert named("ab12") == ["cd45", "ab12"], "the newest first"
        assert named("ab%") == ["ab%3"]
        assert named("50% night") == ["abcd"]
        assert named("x\0y \udcff") == ["ef67"]
        assert named("y") == []


def test_what_cannot_be_stored_of_a_title_is_replaced(engine: Engine, at: At) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "s", "sc\0ans of \udcff", at=at(0))
        assert sessions.get(connection, "s").title == "sc\N{REPLACEMENT CHARACTER}ans of \\udcff"
