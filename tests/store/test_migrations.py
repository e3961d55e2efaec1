"""Databases that an older version of the program has made and used."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.locks.processes import wait_until
from supervisor.store import claims, intents, runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import is_postgres, open_engine, transaction
from supervisor.store.migrate import upgrade
from supervisor.store.parts import CONTROL
from supervisor.store.schema import prepare_control
from supervisor.store.tables import control, run_progress, workers
from supervisor.store.tables import runs as table
from support import run_queue
from support.clocks import HandClock

DOCUMENTS = {"jobs": [], "documents": [{"path": "a.png"}, {"path": "b.png"}]}


def insert_run(connection: Connection, run_id: str, at: datetime, spec: object = None, **others: Any) -> None:
    """Queue a run as the first version did."""
    values = {"run_id": run_id, "session_id": "s", "commit_sha": "c0ffee", "repository": "repo", "attempt": 1}
    values |= {"status": "queued", "spec": {"jobs": []} if spec is None else spec, "requested_by": "anna"}
    connection.execute(sa.insert(table).values(values | {"available_at": at, "created_at": at} | others))


@pytest.fixture
def engine(database_url: str, at: Callable[[float], datetime]) -> Iterator[Engine]:
    """A database of revision 0001 with two queued runs, a supervisor that is there, and one that has signed off."""
    opened = open_engine(database_url)
    with transaction(opened) as connection:
        upgrade(connection, replace(CONTROL, head="0001"))
        sessions.add(connection, "s", "letters", at=at(0))
        for name in "ab":
            insert_run(connection, name, at(0))
            run_queue.add_worker(connection, f"w{name}", Scope("s", ["repo"]))
        ended = {"ended_at": at(5)}
        of_supervisors = control.tables["ops.supervisors"]
        connection.execute(sa.update(of_supervisors).where(of_supervisors.c.id == "wb").values(ended))
    yield opened
    opened.dispose()


def contents(engine: Engine) -> dict[str, Sequence[sa.Row[Any]]]:
    """Return what the first version knows of."""
    found = {}
    with transaction(engine) as connection:
        for one in control.sorted_tables:
            if one not in {workers, run_progress}:
                known = [column for column in one.columns if not column.name.startswith("progress_")]
                found[one.name] = connection.execute(sa.select(*known).order_by(*one.primary_key)).all()
    return found


def test_nothing_is_lost(engine: Engine, at: Callable[[float], datetime]) -> None:
    before = contents(engine)
    assert all(before[name] for name in ("sessions", "runs", "supervisors"))
    prepare_control(engine)
    assert contents(engine) == before
    with transaction(engine) as connection:
        found = connection.execute(sa.select(workers.c.id, workers.c.status, workers.c.ended_at)).all()
    assert sorted(found) == [("wa", "idle", None), ("wb", "idle", at(5))]


def test_what_is_paused_afterwards_is_not_claimed(
    engine: Engine, clock: HandClock, at: Callable[[float], datetime]
) -> None:
    prepare_control(engine)
    with transaction(engine) as connection:
        first = runs.active(connection, "repo", "a")
        assert first is not None
        assert intents.ask_to_pause(connection, first, at=at(6), actor="anna")
        claimed = claims.claim(connection, "wa", clock)
        assert claimed is not None
        assert claimed.run_id == "b"
        assert claims.claim(connection, "wa", clock) is None
        supervisors.beat(connection, "wb", at=at(7))
        status = connection.scalar(sa.select(workers.c.status).where(workers.c.id == "wb"))
        assert status == "idle", "as it was: nobody writes to who has ended"


def test_every_run_has_progress_afterwards_whatever_its_spec_is(
    engine: Engine, at: Callable[[float], datetime]
) -> None:
    odd: list[object] = [[], "text", 7, None, {}, {"documents": None}, {"documents": {"a": 1}}, {"documents": "ab"}]
    with transaction(engine) as connection:
        insert_run(connection, "two", at(0), DOCUMENTS)
        insert_run(connection, "done", at(0), DOCUMENTS, status="succeeded", finished_at=at(9))
        insert_run(connection, "bad", at(0), DOCUMENTS, status="failed", claimed_at=at(8))
        for number, spec in enumerate(odd):
            insert_run(connection, f"odd-{number}", at(0))
            # As it is written by hand: the table's own type makes SQL's null of None.
            written = sa.type_coerce(sa.bindparam("written", json.dumps(spec)), sa.Text).cast(table.c.spec.type)
            connection.execute(sa.update(table).where(table.c.run_id == f"odd-{number}").values(spec=written))
        if not is_postgres(connection):
            insert_run(connection, "broken", at(0))
            connection.execute(sa.text("UPDATE runs SET spec = '{' WHERE run_id = 'broken'"))
    prepare_control(engine)
    columns = (run_progress.c[name] for name in ("stage", "documents", "documents_opened", "documents_done"))
    with transaction(engine) as connection:
        query = sa.select(table.c.run_id, *columns, run_progress.c.updated_at, run_progress.c.pages)
        found = {row.run_id: row[1:] for row in connection.execute(query.join(run_progress))}
    assert found.pop("two") == ("queued", 2, 0, 0, at(0), 0)
    assert found.pop("done") == ("succeeded", 2, 0, 2, at(9), 0), (
        "nobody knows of how many documents these are all pages"
    )
    assert found.pop("bad") == ("failed", 2, 0, 0, at(8), 0), "how many of them were done is not known"
    assert len(found) >= len(odd) + 2
    assert set(found.values()) == {("queued", 0, 0, 0, at(0), 0)}


def test_a_supervisor_of_an_older_version_ends_a_run_meanwhile(
    engine: Engine, database_url: str, at: Callable[[float], datetime]
) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one lock")
    newer = open_engine(database_url)
    with transaction(engine) as connection:
        upgrade(connection, replace(CONTROL, head="0002"))
    try:
        with ThreadPoolExecutor() as pool:
            with transaction(engine) as connection:
                sessions.lock(connection, "s")
                migrated = pool.submit(prepare_control, newer)
                waiting = sa.text(
                    "SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid "
                    "WHERE NOT granted AND datname = current_database()"
                )
                assert wait_until(lambda: connection.scalar(waiting) > 0, 10)
                changed = sa.update(table).where(table.c.run_id == "a").values(status="running", claimed_at=at(1))
                connection.execute(changed)
            migrated.result()
    finally:
        newer.dispose()
    with transaction(engine) as connection:
        query = sa.select(table.c.run_id, run_progress.c.stage).join(run_progress)
        assert set(connection.execute(query).all()) == {("a", "running"), ("b", "queued")}
