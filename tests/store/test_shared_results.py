"""Where results are in the control database, the row of the run is their fence; and that database may be away."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store import claims, leases, runs
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.results import AttemptKey, FencedOut, ResultStore, StoredDocument, StoredPage
from supervisor.store.runs import RunRow
from supervisor.store.schema import prepare_control, prepare_results
from supervisor.store.tables import pages
from support.clocks import HandClock
from support.postgres import PostgresServer
from support.run_queue import add_run, add_session, contents, lost_answers

At = Callable[[float], datetime]
OWNER = "the row"
DOCUMENT = StoredDocument("a.tiff", "b10b", "books", None, None, None)
PAGE = StoredPage("a.tiff", 1, "succeeded", "ocr", "text", 91.5, 60.0, 0.25, 1, 812, None, "k3y", "new", "hocr")


def key_of(row: RunRow) -> AttemptKey:
    return AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)


@pytest.fixture
def store(database_url: str, engine: Engine) -> Iterator[ResultStore]:  # noqa: ARG001 (it makes the tables)
    opened = ResultStore(database_url, shared=True)
    yield opened
    opened.close()


@pytest.fixture
def key(store: ResultStore, claimed: RunRow) -> AttemptKey:
    """An attempt that has begun."""
    key = key_of(claimed)
    assert store.take_over(key, claimed.owner)
    store.begin(key, [DOCUMENT])
    return key


def change(engine: Engine, row: RunRow, to_status: RunStatus, at: datetime) -> bool:
    with transaction(engine) as connection:
        return runs.transition(connection, row, to_status, at=at, actor="x", event=to_status)


@pytest.mark.parametrize("then", [*(status for status in RunStatus if status is not RunStatus.RUNNING), "claimed"])
def test_who_lost_the_run_writes_nothing(
    engine: Engine, store: ResultStore, claimed: RunRow, key: AttemptKey, at: At, *, then: str
) -> None:
    again = None
    change(engine, claimed, RunStatus.QUEUED if then == "claimed" else RunStatus(then), at(1))
    if then == "claimed":
        with transaction(engine) as connection:
            again = claims.claim(connection, "w2", HandClock())
    before = contents(engine)
    for write in (
        lambda: store.take_over(key, claimed.owner),
        lambda: store.begin(key, [replace(DOCUMENT, path="late.png")]),
        lambda: store.store(key, [PAGE], []),
        lambda: store.store(key, [], [replace(DOCUMENT, status="failed", page_count=1, error="late")]),
    ):
        with pytest.raises(FencedOut):
            write()
    assert contents(engine) == before
    if again is not None:
        assert not store.take_over(key_of(again), again.owner), "the attempt goes on"
        store.store(key_of(again), [PAGE], [])
        assert store.finished_pages(key, ["a.tiff"]) == {"a.tiff": [PAGE]}


def test_a_run_that_is_not_there_has_no_results(engine: Engine, store: ResultStore, key: AttemptKey) -> None:
    before = contents(engine)
    with pytest.raises(FencedOut):
        store.begin(replace(key, run=key.run + 1), [DOCUMENT])
    assert contents(engine) == before


def before_commit(engine: Engine, act: Callable[[], object]) -> None:
    """Let something happen once, when all of the next transaction is done but its commit."""
    sa.event.listen(engine, "commit", lambda _connection: act(), once=True)


@pytest.mark.parametrize("step", ["rescue", "end", "hold"])
def test_whoever_changes_the_run_waits_until_a_page_that_is_being_stored_is_committed(
    engine: Engine, store: ResultStore, claimed: RunRow, key: AttemptKey, at: At, *, step: str
) -> None:
    def act() -> list[str]:
        with transaction(engine) as connection:
            match step:
                case "rescue":
                    assert leases.is_unchanged(connection, claimed)
                    runs.transition(connection, claimed, RunStatus.QUEUED, at=at(9), actor="x", event="rescued")
                case "end":
                    runs.transition(connection, claimed, RunStatus.FAILED, at=at(9), actor="x", event="failed")
                case "hold":
                    assert runs.hold(connection, claimed)
            return list(connection.scalars(sa.select(pages.c.text)))

    acting: list[Future[list[str]]] = []
    with ThreadPoolExecutor() as threads:

        def see_it_wait() -> None:
            acting.append(threads.submit(act))
            with pytest.raises(TimeoutError):
                acting[0].result(timeout=0.3)

        before_commit(store._engine, see_it_wait)
        store.store(key, [PAGE], [])
        assert acting[0].result(timeout=30) == ["text"]


def test_a_page_that_is_being_stored_keeps_its_run_from_no_beat_for_long(postgres_url: str, at: At) -> None:
    """A file has one writer at a time: there, the beat waits."""
    engine, store = open_engine(postgres_url), ResultStore(postgres_url, shared=True)
    with transaction(engine) as connection:
        add_session(connection, "s")
        add_run(connection, "a")
        row = claims.claim(connection, "w1", HandClock())
    assert row is not None
    terms, renewed = {row.id: row.lease_term}, []

    def beat() -> None:
        with transaction(engine) as connection:
            renewed.append(leases.renew(connection, terms, at=at(1e9)))

    store.take_over(key_of(row), row.owner)
    before_commit(store._engine, beat)
    store.store(key_of(row), [PAGE], [])
    assert renewed == [{row.id}], "nobody is told that it was lost"
    beat()
    with transaction(engine) as connection:
        assert runs.get(connection, row.id).heartbeat_at == at(1e9)
    store.close()
    engine.dispose()


def test_a_page_waits_for_a_rescue_under_way_and_is_not_stored(
    engine: Engine, store: ResultStore, claimed: RunRow, key: AttemptKey, at: At
) -> None:
    with ThreadPoolExecutor() as threads:
        with transaction(engine) as connection:
            assert leases.is_unchanged(connection, claimed)
            runs.transition(connection, claimed, RunStatus.QUEUED, at=at(9), actor="x", event="rescued")
            stored = threads.submit(store.store, key, [PAGE], [])
            with pytest.raises(TimeoutError):
                stored.result(timeout=0.3)
        with pytest.raises(FencedOut):
            stored.result(timeout=30)
    assert store.finished_pages(key, ["a.tiff"]) == {}


def test_what_was_committed_though_nobody_said_so_is_stored_once(
    database_url: str, claimed: RunRow, key: AttemptKey
) -> None:
    store = ResultStore(database_url, shared=True, patience_seconds=60)
    calls: list[Callable[[], object]] = [
        lambda: store.take_over(key, claimed.owner),
        lambda: store.begin(key, [DOCUMENT, replace(DOCUMENT, path="b.tiff")]),
        lambda: store.store(key, [PAGE], []),
        lambda: store.store(key, [], [replace(DOCUMENT, status="succeeded", page_count=1)]),
    ]
    for call in calls:
        with lost_answers(store._engine):
            call()
    assert [document.status for document in store.documents(key.run, 1)] == ["succeeded", None]
    assert store.finished_pages(key, ["a.tiff"]) == {"a.tiff": [PAGE]}
    store.close()


@pytest.fixture
def away_and_back(own_postgres: PostgresServer) -> Callable[[Callable[[], object]], object]:
    """Return what a call gives that is made while the server is stopped, and that lasts until it is there again."""

    def call(function: Callable[[], object]) -> object:
        own_postgres.stop()
        with ThreadPoolExecutor() as threads:
            called = threads.submit(function)
            try:
                with pytest.raises(TimeoutError):
                    called.result(timeout=0.3)
            finally:
                own_postgres.start()
            return called.result(timeout=60)

    return call


def test_every_call_outlasts_a_restart_of_the_server(
    own_postgres: PostgresServer, away_and_back: Callable[[Callable[[], object]], object]
) -> None:
    url = own_postgres.create_database("a")
    engine = open_engine(url)
    prepare_control(engine)
    prepare_results(engine)
    with transaction(engine) as connection:
        add_session(connection, "s")
        add_run(connection, "a")
        row = claims.claim(connection, "w1", HandClock())
    assert row is not None
    key, opened = key_of(row), []

    away_and_back(lambda: opened.append(ResultStore(url, shared=True, patience_seconds=60)))
    store = opened[0]
    assert away_and_back(lambda: store.take_over(key, row.owner))
    away_and_back(lambda: store.begin(key, [DOCUMENT]))
    away_and_back(lambda: store.store(key, [PAGE], []))
    assert away_and_back(lambda: store.finished_pages(key, ["a.tiff"])) == {"a.tiff": [PAGE]}
    store.close()

    impatient = ResultStore(url, shared=True, patience_seconds=0.2)
    own_postgres.stop()
    for call in (
        lambda: impatient.store(key, [PAGE], []),
        lambda: impatient.tally(key.run, 1),
        lambda: ResultStore(url, shared=True, patience_seconds=0.2),
    ):
        with pytest.raises(DatabaseUnavailable):
            call()
    impatient.close()
    engine.dispose()
