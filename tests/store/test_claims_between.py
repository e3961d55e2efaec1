"""What others do between two statements of a transaction: nothing that it would have to know."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import claims, leases, runs, sessions
from supervisor.store.engine import open_engine, patiently, transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.events import history
from supervisor.store.moments import database_now
from supervisor.store.results import FencedOut, ResultStore
from supervisor.store.runs import RunRow
from support import run_queue
from support.run_queue import CLOCK, DOCUMENT, contents, finished, key_of, lost_answers, page

FINISHED = finished("succeeded", 1, None)
# What is written, and how the statement begins before which somebody tries to take the run; the last has come halfway.
WRITES: dict[str, tuple[str, Callable[[ResultStore, RunRow], None]]] = {
    "documents": ("INSERT INTO documents", lambda store, row: store.begin(key_of(row), [DOCUMENT])),
    "page": ("INSERT INTO pages", lambda store, row: store.store(key_of(row), [page(1, "words")], [])),
    "end": ("INSERT INTO documents", lambda store, row: store.store(key_of(row), [page(1, "words")], [FINISHED])),
}


def end(engine: Engine, row: RunRow) -> tuple[bool, bool]:
    return run_queue.put(engine, row, RunStatus.SUCCEEDED, actor=row.claimed_by or "", event="succeeded")


TAKERS: dict[str, Callable[[Engine, RunRow], object]] = {
    "rescuer": lambda engine, row: run_queue.rescue(engine, row, actor="rescuer"),
    "holder": end,
}


@pytest.fixture
def row(engine: Engine) -> RunRow:
    """A run whose holder has been silent for too long."""
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        run = run_queue.add_run(connection, "a")
        claimed = claims.claim(connection, "w1", CLOCK)
        assert claimed is not None
        run_queue.silence(connection, claimed)
        return runs.get(connection, run)


@pytest.fixture
def others(database_url: str, engine: Engine) -> Iterator[Engine]:  # noqa: ARG001 (it makes the tables)
    """Connections that give up soon when they would have to wait."""
    opened = open_engine(database_url)

    def hurry(connection: DBAPIConnection, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA busy_timeout = 50")
        else:
            connection.cursor().execute("SET lock_timeout = '50ms'")
            connection.commit()

    sa.event.listen(opened.pool, "connect", hurry)
    yield opened
    opened.dispose()


@contextmanager
def just_before(engine: Engine, beginning: str, action: Callable[[], object]) -> Iterator[None]:
    """Do something when a statement is about to be made; it has to be made once."""
    times = 0

    def look(*arguments: object) -> None:
        nonlocal times
        if re.sub(r"\b(ops|main)\.", "", str(arguments[2])).startswith(beginning):
            times += 1
            action()

    sa.event.listen(engine, "before_cursor_execute", look)
    yield
    sa.event.remove(engine, "before_cursor_execute", look)
    assert times == 1


def fail_to(action: Callable[[], object]) -> Callable[[], object]:
    def try_it() -> None:
        with pytest.raises(DatabaseUnavailable):
            action()

    return try_it


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("what", WRITES)
def test_nobody_takes_a_run_while_a_result_of_it_is_stored(
    database_url: str, others: Engine, row: RunRow, what: str, taker: str
) -> None:
    store = ResultStore(database_url, shared=True)
    beginning, write = WRITES[what]
    with just_before(store._engine, beginning, fail_to(lambda: TAKERS[taker](others, row))):
        write(store, row)
    assert TAKERS[taker](others, row)
    with pytest.raises(FencedOut):
        write(store, row)
    store.close()


@pytest.mark.parametrize("taker", TAKERS)
def test_nobody_takes_a_run_while_it_is_being_published(
    engine: Engine, others: Engine, row: RunRow, taker: str
) -> None:
    with transaction(engine) as connection:
        assert runs.hold(connection, row)
        fail_to(lambda: TAKERS[taker](others, row))()
        assert runs.transition(connection, row, RunStatus.SUCCEEDED, at=CLOCK.now(), actor="w1", event="succeeded")
    assert not run_queue.rescue(others, row, actor="rescuer")


def test_a_beat_that_comes_too_late_for_a_rescue_changes_nothing(engine: Engine, others: Engine, row: RunRow) -> None:
    def beat() -> set[int]:
        with transaction(others) as connection:
            return leases.renew(connection, {row.id: row.lease_term}, at=database_now(connection, CLOCK))

    def try_to_beat() -> None:
        with suppress(DatabaseUnavailable):
            beat()

    with just_before(engine, "UPDATE runs", try_to_beat):
        assert run_queue.rescue(engine, row, actor="rescuer")
    assert beat() == set()
    with transaction(engine) as connection:
        assert runs.get(connection, row.id).heartbeat_at == row.heartbeat_at


def test_a_beat_in_time_prevents_the_rescue(engine: Engine, row: RunRow) -> None:
    with transaction(engine) as connection:
        assert leases.renew(connection, {row.id: row.lease_term}, at=CLOCK.now()) == {row.id}
    before = contents(engine)
    assert not run_queue.rescue(engine, row, actor="rescuer")
    assert contents(engine) == before


def test_two_runs_of_a_session_end_one_after_the_other(engine: Engine, others: Engine, row: RunRow) -> None:
    with transaction(engine) as connection:
        run_queue.add_run(connection, "b")
        other = claims.claim(connection, "w2", CLOCK)
    assert other is not None
    with just_before(engine, "UPDATE runs", fail_to(lambda: end(others, other))):
        end(engine, row)
    end(engine, other)
    with transaction(engine) as connection:
        assert sessions.get(connection, "s").status is SessionStatus.COMPLETED


def test_who_ends_a_run_again_does_not_move_the_end_of_its_session(engine: Engine, row: RunRow) -> None:
    assert end(engine, row) == (True, True)
    before = contents(engine)
    assert end(engine, row) == (False, True)
    assert run_queue.put(engine, row, RunStatus.FAILED, actor="w1", event="failed") == (False, False)
    assert contents(engine) == before


def test_what_was_done_under_an_earlier_term_is_not_done_now(engine: Engine, row: RunRow) -> None:
    interrupt = {"actor": "w1", "event": "interrupted", "claimed_by": None}
    assert run_queue.put(engine, row, RunStatus.QUEUED, **interrupt) == (True, True)
    with transaction(engine) as connection:
        again = claims.claim(connection, "w1", CLOCK)
        assert again is not None
        run_queue.silence(connection, again)
        seen = runs.get(connection, row.id)
    assert run_queue.rescue(engine, seen, actor="rescuer")
    assert run_queue.put(engine, again, RunStatus.QUEUED, **interrupt) == (False, False)
    assert run_queue.put(engine, row, RunStatus.QUEUED, **interrupt) == (False, True)


def test_what_is_done_again_since_the_answer_was_lost_is_done_once(
    engine: Engine, database_url: str, row: RunRow
) -> None:
    store = ResultStore(database_url, shared=True, patience_seconds=60)
    for _, write in WRITES.values():
        with lost_answers(store._engine, times=2):
            write(store, row)
    assert store.documents(row.id, 1) == [FINISHED]
    assert store.finished_pages(key_of(row), [DOCUMENT.path]) == {DOCUMENT.path: [page(1, "words")]}
    tries = 0
    with lost_answers(engine, times=2):
        for attempt in patiently(60):
            with attempt:
                tries += 1
                assert end(engine, row) == (tries == 1, True)
    assert tries == 3
    with transaction(engine) as connection:
        assert [event.event for event in history(connection, row.id)] == ["queued", "claimed", "succeeded"]
    store.close()
