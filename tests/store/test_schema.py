import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store import schema
from supervisor.store.engine import is_postgres, open_engine, transaction
from supervisor.store.parts import CONTROL, RESULTS, Part
from supervisor.store.schema import SchemaError, prepare_control, prepare_results, states
from supervisor.store.tables import SCHEMA, control, lease, results

# DESIGN.md §5.3: what other tools rely on.
CONTRACT = {
    "sessions": "id title intent status created_at started_at finished_at",
    "runs": "id run_id session_id lane status priority attempt max_retries retry_count rescue_count timeout_seconds "
    "commit_sha repository spec available_at claimed_by claimed_at heartbeat_at lease_term cancel_requested_at "
    "pause_requested_at requested_by cancelled_at error created_at started_at finished_at settled_at",
    "run_events": "id run_id attempt lease_term at actor event from_status to_status detail",
    "supervisors": "id host machine_id boot_id pid process_started_at version desired_workers heartbeat_at",
    "workers": "id supervisor_id session_id repositories status current_run heartbeat_at started_at",
    "file_locks": "repository path session_id run_id acquired_at",
    "documents": "run run_id attempt path blob_sha job status page_count error",
    "pages": "run run_id attempt document page_number status source text mean_confidence low_confidence "
    "weak_word_share word_count duration_ms page_key error",
}
PREPARE = {CONTROL: prepare_control, RESULTS: prepare_results}


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


def make_tables_without_migrating(engine: Engine) -> None:
    with transaction(engine) as connection:
        tables = list(results.tables.values())
        if is_postgres(connection):
            connection.execute(sa.schema.CreateSchema(SCHEMA))
            tables.remove(lease)  # the row of `runs` has the term there
        control.create_all(connection)
        results.create_all(connection, tables=tables)


def where(index: sa.engine.interfaces.ReflectedIndex) -> str:
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def described(engine: Engine) -> dict[str, Any]:
    """Return all that a database tells of its tables, but for those that name a revision."""
    with transaction(engine) as connection:
        inspector, schema = sa.inspect(connection), SCHEMA if is_postgres(connection) else None
        return {
            table: {
                "columns": {
                    column["name"]: (str(column["type"]), column["nullable"], column["default"])
                    for column in inspector.get_columns(table, schema)
                },
                "primary key": inspector.get_pk_constraint(table, schema)["constrained_columns"],
                "foreign keys": sorted(
                    (key["constrained_columns"], key["referred_table"], key["referred_columns"], key["options"])
                    for key in inspector.get_foreign_keys(table, schema)
                ),
                "indexes": sorted(
                    (index["name"], index["column_names"], bool(index["unique"]), where(index))
                    for index in inspector.get_indexes(table, schema)
                ),
            }
            for table in inspector.get_table_names(schema)
            if table not in {CONTROL.version_table, RESULTS.version_table}
        }


@pytest.mark.parametrize("table", CONTRACT)
def test_the_columns_that_others_rely_on(engine: Engine, table: str) -> None:
    assert set(CONTRACT[table].split()) <= set(described(engine)[table]["columns"])


def test_migrations_lead_to_the_tables_that_queries_are_made_of(new_database_url: Callable[[], str]) -> None:
    with opened(new_database_url()) as migrated, opened(new_database_url()) as made:
        prepare_control(migrated)
        prepare_results(migrated)
        make_tables_without_migrating(made)
        assert described(migrated) == described(made)


@pytest.mark.parametrize("part", PREPARE, ids=lambda part: part.name)
def test_a_part_is_made_without_the_other(database_url: str, part: Part) -> None:
    with opened(database_url) as engine:
        PREPARE[part](engine)
        assert [state.part for state in states(engine) if state.is_current] == [part]
        PREPARE[part](engine)
        assert [state.revision for state in states(engine) if state.part == part] == [part.head]


@pytest.mark.parametrize("part", PREPARE, ids=lambda part: part.name)
def test_a_newer_database_is_left_alone(engine: Engine, part: Part) -> None:
    missing = {CONTROL: control.tables["ops.file_locks"], RESULTS: results.tables["ops.pages"]}[part]
    version = sa.Table(part.version_table, sa.MetaData(), sa.Column("version_num", sa.Text), schema=SCHEMA)
    with transaction(engine) as connection:
        missing.drop(connection)
        connection.execute(sa.update(version).values(version_num="9999"))
    with pytest.raises(SchemaError) as caught:
        PREPARE[part](engine)
    assert caught.value.exit_code == 4
    assert f"{part.name} tables of revision 9999" in caught.value.message
    assert missing.name not in described(engine)


STARTER = textwrap.dedent("""
    import sys
    from supervisor.store.engine import open_engine
    from supervisor.store.schema import prepare_control, prepare_results, states
    print("ready", flush=True)
    for url in sys.stdin:
        engine = open_engine(url.strip())
        prepare_control(engine)
        prepare_results(engine)
        print(sum(state.is_current for state in states(engine)), flush=True)
        engine.dispose()
""")


def test_starters_side_by_side_make_the_tables_once(new_database_url: Callable[[], str]) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    urls = [new_database_url() for _ in range(12)]
    for starter in starters:
        assert starter.stdout
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin
        starter.stdin.write("".join(f"{url}\n" for url in urls))
        starter.stdin.flush()
    answers = [starter.communicate()[0].split() for starter in starters]
    assert answers == [["2"] * len(urls)] * len(starters)


def test_a_starter_waits_for_another_longer_than_for_anything_else(
    new_postgres_database: Callable[[str], str],
) -> None:
    url = new_postgres_database("template1")
    hasty = sa.make_url(url).update_query_dict({"options": "-c lock_timeout=50ms -c statement_timeout=50ms"})
    lock = sa.select(sa.func.pg_advisory_xact_lock(schema._ADVISORY_LOCK))
    with (
        opened(url) as engine,
        opened(hasty.render_as_string(hide_password=False)) as other,
        ThreadPoolExecutor() as threads,
        transaction(engine) as connection,
    ):
        connection.execute(lock)
        prepared = threads.submit(prepare_control, other)
        with pytest.raises(TimeoutError):
            prepared.result(timeout=0.5)
        connection.rollback()
        prepared.result(timeout=30)
