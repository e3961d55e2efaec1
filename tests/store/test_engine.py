import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.errors import UsageError
from supervisor.store import sessions
from supervisor.store.engine import checkpoint, open_engine, transaction
from supervisor.store.errors import DatabaseError
from supervisor.store.schema import prepare_control
from supervisor.store.tables import file_locks
from supervisor.store.tables import sessions as table
from supervisor.store.urls import shown_url, sqlite_url
from support.postgres import PostgresServer


def insert(connection: Connection, session_id: str) -> None:
    sessions.add(connection, session_id, "t", at=datetime(2026, 5, 1, tzinfo=UTC))


def count(engine: Engine) -> int | None:
    with transaction(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def test_a_block_that_raises_changes_nothing(engine: Engine) -> None:
    def insert_and_fail() -> None:
        with transaction(engine) as connection:
            insert(connection, "x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        insert_and_fail()
    assert count(engine) == 0
    with transaction(engine) as connection:
        insert(connection, "x")
    assert count(engine) == 1


def test_constraint_violations_are_the_callers_affair(engine: Engine) -> None:
    with transaction(engine) as connection:
        insert(connection, "x")
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as connection:
        insert(connection, "x")
    assert count(engine) == 1


def test_foreign_keys_are_enforced(engine: Engine) -> None:
    lock = {"repository": "r", "path": "p", "session_id": "no such session", "acquired_at": datetime.now(UTC)}
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as connection:
        connection.execute(sa.insert(file_locks).values(lock))


def test_every_word_for_postgres_leads_to_it(postgres: PostgresServer, postgres_url: str) -> None:
    through_tcp = sa.make_url(postgres.tcp_url("x")).set(database=sa.make_url(postgres_url).database)
    for word in ("postgres", "postgresql", "postgresql+psycopg2"):
        for url in (sa.make_url(postgres_url), through_tcp):
            engine = open_engine(url.set(drivername=word).render_as_string(hide_password=False))
            assert count(engine) == 0
            engine.dispose()


@pytest.mark.parametrize(
    "url", ["mysql://anna:s3cret@db/ocr", "postgresql+asyncpg://anna:s3cret@db/ocr", "anna:s3cret@db", "sqlite://", ""]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_engine(url)
    assert caught.value.exit_code == 2
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://anna:s3cret@h\udcff/x",
        "postgresql://anna:s3cret@h/x%00",
        "postgresql://anna:s3cret@/x?host=a,b&port=1",
        "sqlite:///x\0.db",
        "sqlite:///x\udcff.db",
        "sqlite:///x.db?timeout=abc",
        "sqlite:///x.db?timeout=1&timeout=2",
    ],
)
def test_urls_that_drivers_choke_on_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="database URL") as caught:
        open_engine(url)
    assert "s3cret" not in str(caught.value)
    str(caught.value).encode()


def test_sqlite_writes_ahead_and_to_the_disk(tmp_path: Path) -> None:
    engine = open_engine(sqlite_url(tmp_path / "a.db"))
    with transaction(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    engine.dispose()


def test_a_transaction_has_the_write_lock_from_its_beginning(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "a.db")
    engine, other = open_engine(url), sqlite3.connect(tmp_path / "a.db", timeout=0, isolation_level=None)
    with transaction(engine), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.close()
    engine.dispose()


def test_after_a_checkpoint_the_file_alone_is_complete(tmp_path: Path) -> None:
    engine = open_engine(sqlite_url(tmp_path / "a.db"))
    with transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("INSERT INTO t VALUES (42)")
    assert (tmp_path / "a.db-wal").stat().st_size > 0
    checkpoint(engine)
    (tmp_path / "alone.db").write_bytes((tmp_path / "a.db").read_bytes())
    copy = sqlite3.connect(tmp_path / "alone.db")
    assert copy.execute("SELECT x FROM t").fetchall() == [(42,)]
    copy.close()
    engine.dispose()


@pytest.mark.parametrize("name", ["a b", "a?mode=ro", "a#b", "a%20b", "büro", "a@b:c", "a&b;c"])
def test_any_directory_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    engine = open_engine(sqlite_url(folder / "a.db"))
    with transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    engine.dispose()
    assert (folder / "a.db").stat().st_size > 0


def test_a_directory_that_cannot_be_named_is_an_expected_error() -> None:
    with pytest.raises(DatabaseError, match="UTF-8") as caught:
        sqlite_url(Path(os.fsdecode(b"/runs-\xff/a.db")))
    assert caught.value.exit_code == 4
    caught.value.message.encode()


@pytest.mark.parametrize("damage", ["no directory", "not a database", "a directory"])
def test_a_database_that_cannot_be_opened_is_an_expected_error(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.db"
    match damage:
        case "no directory":
            path = tmp_path / "missing" / "a.db"
        case "not a database":
            path.write_bytes(b"this is no database at all, and long enough to show it" * 40)
        case "a directory":
            path.mkdir()
    engine = open_engine(sqlite_url(path))
    with pytest.raises(DatabaseError, match=r"a\.db") as caught, transaction(engine):
        pass
    assert caught.value.exit_code == 4
    engine.dispose()


def test_passwords_are_not_shown() -> None:
    url = "postgresql://anna:s3cret@127.0.0.1:1/ocr?sslpassword=s3cret"
    assert "s3cret" not in shown_url(url)
    assert "127.0.0.1:1/ocr" in shown_url(url)
    with pytest.raises(DatabaseError, match=r"127\.0\.0\.1:1/ocr") as caught, transaction(open_engine(url)):
        pass
    assert "s3cret" not in str(caught.value)


def test_a_new_database_that_another_is_writing_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # before the write-ahead log is switched on, as in another starter's first moment
    engine = open_engine(sqlite_url(tmp_path / "a.db"))
    with ThreadPoolExecutor() as threads:
        prepared = threads.submit(prepare_control, engine)
        with pytest.raises(TimeoutError):
            prepared.result(timeout=0.3)
        other.execute("ROLLBACK")
        prepared.result(timeout=30)
    other.close()
    engine.dispose()


def test_who_is_in_a_hurry_waits_for_no_disk(engine: Engine) -> None:
    hasty = open_engine(engine.url.render_as_string(hide_password=False), durable=False)
    asked = "SHOW synchronous_commit" if engine.dialect.name == "postgresql" else "PRAGMA synchronous"
    found = []
    for one in (engine, hasty):
        with transaction(one) as connection:
            found.append(connection.exec_driver_sql(asked).scalar_one())
    assert found in [["on", "off"], [2, 1]]
    hasty.dispose()
