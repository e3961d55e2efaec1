"""Databases that an older version of the program has made and used."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store import claims, intents, runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import open_engine, transaction
from supervisor.store.migrate import upgrade
from supervisor.store.parts import CONTROL
from supervisor.store.schema import prepare_control
from supervisor.store.tables import control, workers
from support import run_queue
from support.clocks import HandClock

UNCHANGED = [table for table in control.sorted_tables if table is not workers]


@pytest.fixture
def engine(database_url: str, add_run: Callable[..., int], at: Callable[[float], datetime]) -> Iterator[Engine]:
    """A database of revision 0001 with two queued runs, a supervisor that is there, and one that has signed off."""
    opened = open_engine(database_url)
    with transaction(opened) as connection:
        upgrade(connection, replace(CONTROL, head="0001"))
        sessions.add(connection, "s", "letters", at=at(0))
        for name in "ab":
            add_run(connection, name)
            run_queue.add_worker(connection, f"w{name}", Scope("s", ["repo"]))
        ended = {"ended_at": at(5)}
        table = control.tables["ops.supervisors"]
        connection.execute(sa.update(table).where(table.c.id == "wb").values(ended))
    yield opened
    opened.dispose()


def contents(engine: Engine) -> list[Sequence[sa.Row[Any]]]:
    with transaction(engine) as connection:
        return [connection.execute(sa.select(table).order_by(*table.primary_key)).all() for table in UNCHANGED]


def test_nothing_is_lost(engine: Engine, at: Callable[[float], datetime]) -> None:
    before = contents(engine)
    assert all(before[UNCHANGED.index(control.tables[f"ops.{name}"])] for name in ("runs", "run_events", "supervisors"))
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
