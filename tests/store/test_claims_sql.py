"""`ops.claim_runs` as people call it, and what two calls at a time mean to each other."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.locks.processes import wait_until
from supervisor.store import claims
from supervisor.store.engine import open_engine, transaction
from supervisor.store.events import history
from supervisor.store.tables import runs
from support import run_queue
from support.postgres import installed_programs
from support.run_queue import CLOCK, check_histories, contents

FOR_NOTHING = [f"select run_id from ops.claim_runs('me', {limit})" for limit in ("0", "NULL", "-1")]  # noqa: S608 (known words)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    opened = open_engine(postgres_url)
    with transaction(opened) as connection:
        run_queue.add_session(connection, "s")
    yield opened
    opened.dispose()


def psql(url: str, command: str) -> list[str]:
    program = installed_programs() / "bin" / "psql"
    options = ["--no-psqlrc", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
    done = subprocess.run([program, *options, f"--command={command}", url], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def queue_runs(engine: Engine, *runs_of_lanes: tuple[str, str | None, int]) -> dict[str, int]:
    with transaction(engine) as connection:
        return {
            name: run_queue.add_run(connection, name, lane=lane, priority=priority)
            for name, lane, priority in runs_of_lanes
        }


def test_people_claim_by_priority_and_age_and_one_of_a_lane(engine: Engine, postgres_url: str) -> None:
    queued = queue_runs(
        engine,
        ("late", None, 200),
        ("a1", "A", 100),
        ("a2", "A", 100),
        ("b1", "B", 100),
        ("free1", None, 100),
        ("urgent b", "B", 1),
        ("free2", None, 100),
        ("c1", "C", 100),
        ("d1", "D", 100),
    )
    expected = ["urgent b", "a1", "free1", "free2", "c1"]
    assert psql(postgres_url, "select run_id from ops.claim_runs('me', 5)") == expected
    check_histories(engine, [(queued[name], 1, "me") for name in expected])
    by_worker = "select claimed_by, count(*) from ops.runs where status='running' group by claimed_by"
    assert psql(postgres_url, by_worker) == ["me|5"]
    by_lane = "select lane, status, count(*) from ops.runs group by lane, status order by lane, status"
    assert psql(postgres_url, by_lane) == [
        "A|queued|1",
        "A|running|1",
        "B|queued|1",
        "B|running|1",
        "C|running|1",
        "D|queued|1",
        "|queued|1",
        "|running|2",
    ]
    why = "select actor, event, from_status, to_status, lease_term, detail->>'reason' from ops.run_events"
    assert psql(postgres_url, f"{why} where run_id = {queued['a1']} order by id") == [
        "anna|queued||queued|0|",
        "me|claimed|queued|running|1|next in the queue",
    ]
    rest = "select run_id, lease_term, claimed_by from ops.claim_runs(\"limit\" => 5, worker_id => 'you')"
    assert psql(postgres_url, rest) == ["d1|1|you", "late|1|you"]


@pytest.mark.parametrize("call", FOR_NOTHING)
def test_who_asks_for_nothing_gets_nothing(engine: Engine, postgres_url: str, call: str) -> None:
    queue_runs(engine, ("a", None, 100))
    before = contents(engine)
    assert psql(postgres_url, call) == []
    assert contents(engine) == before
    assert psql(postgres_url, "select run_id from ops.claim_runs('me', 1)") == ["a"]


def test_neither_what_is_not_due_nor_what_pauses_is_claimed(engine: Engine, postgres_url: str) -> None:
    queue_runs(engine, ("a", None, 100), ("b", None, 100))
    psql(postgres_url, "update ops.runs set available_at = now() + interval '1 hour' where run_id = 'a'")
    assert psql(postgres_url, "select run_id from ops.claim_runs('me', 5)") == ["b"]
    psql(postgres_url, "update ops.runs set available_at = now() - interval '1 hour'")
    psql(postgres_url, "update ops.sessions set status = 'paused'")
    assert psql(postgres_url, "select run_id from ops.claim_runs('me', 5)") == []
    psql(postgres_url, "update ops.sessions set status = 'running'")
    assert psql(postgres_url, "select run_id from ops.claim_runs('me', 5)") == ["a"]


def test_a_claim_does_not_wait_for_another(engine: Engine) -> None:
    queue_runs(engine, ("a", "A", 100), ("b", "B", 100), ("c", None, 100))
    with transaction(engine) as mine, transaction(engine) as yours, transaction(engine) as theirs:
        for connection, expected in ((mine, "a"), (yours, "b"), (theirs, "c")):
            connection.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
            row = claims.claim(connection, "w", CLOCK)
            assert row is not None
            assert row.run_id == expected


def test_a_claim_keeps_others_from_nothing_but_what_it_claims(engine: Engine) -> None:
    queued = queue_runs(engine, ("a1", "A", 100), ("a2", "A", 100), ("b", None, 100))
    with transaction(engine) as connection:
        assert claims.claim(connection, "first", CLOCK) is not None
    with transaction(engine) as mine, transaction(engine) as yours:
        row = claims.claim(mine, "w", CLOCK)
        assert row is not None
        assert row.run_id == "b"
        free = sa.select(runs.c.id).where(runs.c.status == "queued").with_for_update(skip_locked=True)
        assert yours.scalars(free).all() == [queued["a2"]]


@contextmanager
def claiming_meanwhile(engine: Engine) -> Iterator[tuple[Connection, list[str | None]]]:
    """Claim something, and let somebody else claim until that waits for us; what it gets is told afterwards."""

    def claim() -> str | None:
        with transaction(engine) as connection:
            row = claims.claim(connection, "other", CLOCK)
        return None if row is None else row.run_id

    def is_waiting() -> bool:
        with transaction(engine) as connection:
            return connection.scalar(sa.text(WAITING)) == 1

    got: list[str | None] = []
    with ThreadPoolExecutor(1) as pool:
        with engine.connect() as connection:
            assert claims.claim(connection, "first", CLOCK) is not None
            other = pool.submit(claim)
            assert wait_until(is_waiting, 30)
            yield connection, got
        got.append(other.result(10))


def test_a_lane_that_somebody_else_was_faster_to_take_is_passed_over(engine: Engine) -> None:
    queue_runs(engine, ("a1", "A", 100), ("a2", "A", 100), ("b", None, 100))
    with claiming_meanwhile(engine) as (first, got):
        first.commit()
    assert got == ["b"]


def test_a_lane_that_somebody_else_took_in_vain_is_free(engine: Engine) -> None:
    queue_runs(engine, ("a1", "A", 100), ("a2", "A", 100), ("b", None, 100))
    with claiming_meanwhile(engine) as (first, got):
        first.rollback()
    assert got == ["a2"]


def test_who_had_to_wait_claims_when_the_waiting_is_over(engine: Engine) -> None:
    queue_runs(engine, ("b", None, 100))
    with transaction(engine) as connection:
        row = claims.claim(connection, "w", CLOCK)
    assert row is not None
    queue_runs(engine, ("a1", "A", 1), ("a2", "A", 1))
    with claiming_meanwhile(engine) as (first, got):
        with transaction(engine) as connection:
            run_queue.silence(connection, row)
        (silent,) = run_queue.expired(engine, claims.Scope())
        assert run_queue.rescue(engine, silent, actor="rescuer")
        first.commit()
    assert got == ["b"]
    with transaction(engine) as connection:
        *_, rescued, claimed = history(connection, row.id)
    assert (rescued.event, claimed.event) == ("rescued", "claimed")
    assert rescued.at < claimed.at
