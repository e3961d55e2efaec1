from pathlib import Path

import pytest
import sqlalchemy as sa

from supervisor.store.databases import Databases
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseError
from supervisor.store.results import AttemptKey, FencedOut, StoredDocument
from supervisor.store.schema import SchemaError, prepare_control, prepare_results, states
from supervisor.store.urls import sqlite_url

KEY = AttemptKey(run=7, run_id="a", attempt=1, lease_term=1)
DOCUMENT = StoredDocument("a.tiff", "b10b", "books", None, None, None)


@pytest.fixture
def beside(tmp_path: Path) -> Databases:
    """A database per run, beside the control database."""
    return Databases(sqlite_url(tmp_path / "control.db"), per_run=lambda run_id: tmp_path / f"{run_id}.db")


def revisions(url: str) -> list[str | None]:
    """Return how far the tables of control and of results are migrated."""
    engine = open_engine(url)
    found = [state.revision for state in states(engine)]
    engine.dispose()
    return found


def test_one_database_has_everything(database_url: str, database_kind: str) -> None:
    databases = Databases(database_url, per_run=None)
    assert databases.shared
    assert databases.is_sqlite == (database_kind == "sqlite")
    assert databases.results_url("a") == databases.results_url("b") == database_url
    assert databases.has_results("a")
    databases.open_control().dispose()
    assert None not in revisions(database_url)
    store = databases.open_results("a")
    with pytest.raises(FencedOut):  # by the row of `runs`, which there is none of
        store.begin(KEY, [DOCUMENT])
    assert store.documents(7, 1) == []
    store.close()


def test_a_run_can_have_a_database_for_itself(beside: Databases, tmp_path: Path) -> None:
    assert (beside.shared, beside.is_sqlite) == (False, True)
    assert beside.results_url("a") == sqlite_url(tmp_path / "a.db")
    beside.open_control().dispose()
    control, results = revisions(beside.control_url)
    assert (control is None, results) == (False, None)
    assert not beside.has_results("a")
    store = beside.open_results("a")
    assert store.take_over(KEY, "the row")
    store.begin(KEY, [DOCUMENT])
    store.close()
    assert (beside.has_results("a"), beside.has_results("b")) == (True, False)
    control, results = revisions(beside.results_url("a"))
    assert (control, results is None) == (None, False)


def test_results_can_be_beside_a_control_database_on_a_server(postgres_url: str, tmp_path: Path) -> None:
    databases = Databases(postgres_url, per_run=lambda run_id: tmp_path / f"{run_id}.db")
    assert (databases.shared, databases.is_sqlite) == (False, False)
    assert databases.results_url("a") == sqlite_url(tmp_path / "a.db")


@pytest.mark.parametrize("part", ["control", "results"])
def test_a_newer_database_is_left_alone(database_url: str, database_kind: str, part: str) -> None:
    engine = open_engine(database_url)
    prepare_control(engine)
    prepare_results(engine)
    table = f"{part}_version" if database_kind == "sqlite" else f"ops.{part}_version"
    with transaction(engine) as connection:
        connection.execute(sa.text(f"UPDATE {table} SET version_num = '9999'"))  # noqa: S608 (a name of ours)
    with pytest.raises(SchemaError, match="9999"):
        Databases(database_url, per_run=None).open_control()
    with transaction(engine) as connection:
        assert connection.scalar(sa.text(f"SELECT version_num FROM {table}")) == "9999"  # noqa: S608 (a name of ours)
    engine.dispose()


def test_a_database_that_cannot_be_opened_is_an_expected_error(beside: Databases, tmp_path: Path) -> None:
    for name in ("control.db", "a.db"):
        (tmp_path / name).write_bytes(b"this is no database at all, and long enough to show it" * 40)
    with pytest.raises(DatabaseError, match=r"control\.db"):
        beside.open_control()
    assert beside.has_results("a")
    with pytest.raises(DatabaseError, match=r"a\.db"):
        beside.open_results("a")
