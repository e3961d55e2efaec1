"""The table in which machines share pages, on a real Postgres."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store import page_cache as module
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseError, DatabaseUnavailable
from supervisor.store.page_cache import SharedPages
from supervisor.store.parts import CACHE
from supervisor.store.schema import prepare_cache, states
from supervisor.store.tables import SCHEMA, cache, page_cache
from support.postgres import PostgresServer

OpenPages = Callable[..., SharedPages]


@pytest.fixture
def cache_engine(postgres_url: str) -> Iterator[Engine]:
    opened = open_engine(postgres_url)
    prepare_cache(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def open_pages(postgres_url: str, cache_engine: Engine) -> Iterator[OpenPages]:
    del cache_engine  # made the table
    opened: list[SharedPages] = []

    def make(**options: Any) -> SharedPages:
        opened.append(SharedPages(postgres_url, **options))
        return opened[-1]

    yield make
    for pages in opened:
        pages.close()


@pytest.fixture
def pages(open_pages: OpenPages) -> SharedPages:
    return open_pages()


def set_age(engine: Engine, key: str, days: float) -> None:
    with transaction(engine) as connection:
        used_at = datetime.now(UTC) - timedelta(days=days)
        connection.execute(sa.update(page_cache).where(page_cache.c.key == key).values(used_at=used_at))


def age_of(engine: Engine, key: str) -> timedelta:
    with transaction(engine) as connection:
        used_at = connection.execute(sa.select(page_cache.c.used_at).where(page_cache.c.key == key)).scalar_one()
    return datetime.now(UTC) - used_at


def test_what_one_machine_keeps_another_gets(open_pages: OpenPages) -> None:
    one, other = open_pages(), open_pages()
    one.put({"page-1": b"\0one\xff", "lookup-1": b"", "page-2": b"two"})
    assert other.get(["page-1", "lookup-1", "page-3"]) == {"page-1": b"\0one\xff", "lookup-1": b""}
    assert other.get([]) == {}
    other.put({})


def test_many_keys_are_one_query(pages: SharedPages) -> None:
    entries = {f"page-{number}": f"{number}".encode() for number in range(2000)}
    pages.put(entries)
    statements: list[str] = []
    sa.event.listen(pages._engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert pages.get([*entries, "page-none"]) == entries
    assert len(statements) == 1


def test_another_content_replaces_the_one_that_is_there(pages: SharedPages, cache_engine: Engine) -> None:
    pages.put({"page-1": b"damaged", "page-2": b"right"})
    set_age(cache_engine, "page-2", 0.5)
    pages.put({"page-1": b"right", "page-2": b"right"})
    assert pages.get(["page-1", "page-2"]) == {"page-1": b"right", "page-2": b"right"}
    # The equal one was not even written.
    assert age_of(cache_engine, "page-2") > timedelta(hours=11)


def test_use_is_noted_once_a_day(pages: SharedPages, cache_engine: Engine) -> None:
    pages.put({"page-1": b"1", "page-2": b"2", "page-3": b"3"})
    set_age(cache_engine, "page-1", 0.9)
    set_age(cache_engine, "page-2", 1.1)
    set_age(cache_engine, "page-3", 1.1)
    pages.get(["page-1", "page-2"])
    assert [round(age_of(cache_engine, f"page-{number}") / timedelta(days=1), 1) for number in (1, 2, 3)] == [
        0.9,
        0,
        1.1,
    ]


def test_a_use_is_not_waited_for_where_the_row_is_in_use(pages: SharedPages, cache_engine: Engine) -> None:
    pages.put({"page-1": b"1"})
    set_age(cache_engine, "page-1", 2)
    with transaction(cache_engine) as connection:
        connection.execute(sa.select(page_cache.c.key).with_for_update())
        assert pages.get(["page-1"]) == {"page-1": b"1"}
    assert age_of(cache_engine, "page-1") > timedelta(days=1)


def test_what_was_used_longest_ago_goes_if_there_is_too_much(
    open_pages: OpenPages, cache_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supervisor.store.page_cache._PUTS_PER_PRUNE", math.inf)  # not by chance
    pages = open_pages(limit_bytes=1_000_000)
    for number in range(12):
        pages.put({f"page-{number:02}": b"x" * 100_000})
        set_age(cache_engine, f"page-{number:02}", 30 - number)
    assert pages.prune() == 3
    assert sorted(pages.get([f"page-{number:02}" for number in range(12)])) == [f"page-{n:02}" for n in range(3, 12)]
    assert pages.prune() == 0
    survey = pages.survey()
    assert (survey.pages, survey.entries, survey.size_bytes) == (9, 9, 900_000)


def test_what_nobody_has_used_for_a_quarter_goes_in_any_case(pages: SharedPages, cache_engine: Engine) -> None:
    pages.put({"page-1": b"1", "page-2": b"2"})
    set_age(cache_engine, "page-1", 91)
    set_age(cache_engine, "page-2", 89)
    assert pages.prune() == 1
    assert list(pages.get(["page-1", "page-2"])) == ["page-2"]


def test_pruning_passes_over_what_is_in_use_and_over_another_pruner(pages: SharedPages, cache_engine: Engine) -> None:
    pages.put({"page-1": b"1", "page-2": b"2"})
    set_age(cache_engine, "page-1", 91)
    set_age(cache_engine, "page-2", 91)
    with transaction(cache_engine) as connection:
        connection.execute(sa.select(page_cache.c.key).where(page_cache.c.key == "page-1").with_for_update())
        assert pages.prune() == 1
    with transaction(cache_engine) as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(module._ADVISORY_LOCK)))
        assert pages.prune() == 0
    assert pages.prune() == 1


def test_who_puts_much_prunes_sometimes(
    pages: SharedPages, cache_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.put({"page-1": b"1"})
    set_age(cache_engine, "page-1", 91)
    monkeypatch.setattr(module, "_PUTS_PER_PRUNE", 1)
    pages.put({"page-2": b"2"})
    assert pages.survey().entries == 1


def test_writers_of_the_same_keys_wait_for_each_other_in_no_circle(open_pages: OpenPages) -> None:
    keys = [f"page-{number}" for number in range(200)]
    writers = [open_pages() for _ in range(6)]

    def write(number: int) -> None:
        for turn in range(8):
            order = keys if (number + turn) % 2 else keys[::-1]
            writers[number].put({key: f"{number} {turn}".encode() for key in order})
            writers[number].get(order)

    with ThreadPoolExecutor(len(writers)) as threads:
        list(threads.map(write, range(len(writers))))
    assert len(writers[0].get(keys)) == len(keys)


def test_a_survey_tells_pages_entries_size_and_oldest_use(pages: SharedPages, cache_engine: Engine) -> None:
    empty = pages.survey()
    assert (empty.pages, empty.entries, empty.size_bytes, empty.oldest_use) == (0, 0, 0, None)
    pages.put({"page-1": b"12345", "lookup-1": b"123"})
    set_age(cache_engine, "lookup-1", 2)
    survey = pages.survey()
    assert (survey.pages, survey.entries, survey.size_bytes) == (1, 2, 8)
    assert survey.oldest_use
    assert timedelta(days=1.9) < datetime.now(UTC) - survey.oldest_use < timedelta(days=2.1)


def test_contents_are_stored_as_they_come(pages: SharedPages, cache_engine: Engine) -> None:
    # Compressible, so that this fails where the server compresses: its size would have to be read from the content.
    pages.put({"page-1": b"x" * 100_000})
    with transaction(cache_engine) as connection:
        stored = connection.scalar(sa.select(sa.func.pg_column_size(page_cache.c.content)))
    assert stored == 100_000


def test_a_missing_table_is_an_error_of_the_database(postgres_url: str) -> None:
    pages = SharedPages(postgres_url)
    with pytest.raises(DatabaseError, match="page_cache"):
        pages.get(["page-1"])
    pages.close()


def test_a_server_that_is_away_or_silent_is_not_waited_for(own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database("pages")
    engine = open_engine(url)
    prepare_cache(engine)
    pages = SharedPages(url)
    pages.put({"page-1": b"1"})
    with transaction(engine) as connection:
        connection.execute(sa.text("LOCK TABLE ops.page_cache IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(DatabaseUnavailable, match="timeout"):
            pages.get(["page-1"])
    own_postgres.stop("immediate")
    with pytest.raises(DatabaseUnavailable):
        pages.get(["page-1"])
    own_postgres.start()
    assert pages.get(["page-1"]) == {"page-1": b"1"}
    pages.close()
    engine.dispose()


def test_its_connection_is_less_patient_than_those_that_a_run_depends_on(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).update_query_dict({"options": "-c lock_timeout=9s -c work_mem=5MB"})
    pages = SharedPages(url.render_as_string(hide_password=False))
    names = ("lock_timeout", "statement_timeout", "work_mem")
    with transaction(pages._engine) as connection:
        found = [connection.scalar(sa.select(sa.func.current_setting(name))) for name in names]
    assert found == ["1s", "3s", "5MB"]
    pages.close()


def test_the_migration_leads_to_the_table_that_queries_are_made_of(new_postgres_database: Callable[[str], str]) -> None:
    described = []
    for make in (prepare_cache, _make_without_migrating):
        engine = open_engine(new_postgres_database("template1"))
        make(engine)
        inspector = sa.inspect(engine)
        columns = [
            (column["name"], str(column["type"]), column["nullable"])
            for column in inspector.get_columns("page_cache", SCHEMA)
        ]
        key = inspector.get_pk_constraint("page_cache", SCHEMA)["constrained_columns"]
        described.append((columns, key, inspector.get_indexes("page_cache", SCHEMA)))
        engine.dispose()
    assert described[0] == described[1]


def test_the_part_says_how_it_stands(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    assert [state.revision for state in states(engine) if state.part == CACHE] == [None]
    prepare_cache(engine)
    prepare_cache(engine)
    assert [state.is_current for state in states(engine) if state.part == CACHE] == [True]
    engine.dispose()


def _make_without_migrating(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(sa.schema.CreateSchema(SCHEMA))
        cache.create_all(connection)
