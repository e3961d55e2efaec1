"""Getting hold of a run: with its locks, or not at all; and of one that was claimed before the answer was lost."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg2
import pytest
from sqlalchemy.engine import Engine

from supervisor.locks.runlock import ExecutorLockManager, RunLock
from supervisor.store import bare, intents, runs
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.supervision.claim import HELD_RETRY_SECONDS, Claimant
from support.bench import Bench
from support.run_queue import lost_answers


def test_a_claimed_run_comes_with_its_locks_under_its_term(bench: Bench) -> None:
    run = bench.add("a")
    claimed = bench.claim()
    assert (claimed.row.id, claimed.row.claimed_by, claimed.row.lease_term) == (run, bench.workers[0], 1)
    holder = bench.shop.run_locks.holder("a")
    assert holder is not None
    assert (holder.run_id, holder.term) == ("a", 1)
    workspace_holder = claimed.lease.holder()
    assert workspace_holder is not None
    assert workspace_holder.workspace == str(bench.shop.workspaces.path("a"))
    assert (bench.worker(0), bench.worker(1)) == (("busy", run), ("idle", None))


def test_where_nothing_is_queued_nothing_happens(bench: Bench) -> None:
    assert Claimant(bench.shop).claim(bench.workers[0]) is None
    assert (bench.worker(), bench.said) == (("idle", None), [])


@pytest.mark.parametrize("held", ["run", "workspace"])
def test_a_run_whose_locks_are_held_rests_and_has_cost_no_attempt(
    bench: Bench, make_bench: Callable[..., Bench], held: str
) -> None:
    other = make_bench("other")
    run = bench.add("a")
    holding = other.claim()
    other.requeue(holding.row)
    (holding.lease if held == "run" else holding.lock).close()
    assert Claimant(bench.shop).claim(bench.workers[0]) is None
    row, [*_, event] = bench.row(run), bench.events(run)
    assert (row.status, row.claimed_by, row.attempt, row.retry_count, row.lease_term) == ("queued", None, 1, 0, 2)
    assert (row.available_at - event.at).total_seconds() == HELD_RETRY_SECONDS
    assert (event.event, event.actor) == ("given back", bench.shop.me.id)
    assert bench.worker() == ("idle", None)
    assert bench.session() == "running"
    assert bench.said == [f"run {row.run_id}: {event.detail['reason']}; trying again in {HELD_RETRY_SECONDS} s"]
    if held == "workspace":
        assert not bench.shop.run_locks.is_held("a"), "what was taken is given back, too"


def test_a_run_that_is_cancelled_before_its_locks_are_found_held_does_not_go_back_to_the_queue(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    other = make_bench("other")
    run = bench.add("a")
    other.requeue(other.claim().row)
    locks = CancellingLocks(bench.shop.runs_directory.root, bench, run)
    assert Claimant(replace(bench.shop, run_locks=locks)).claim(bench.workers[0]) is None
    row = bench.row(run)
    assert (row.status, row.error) == ("cancelled", "cancelled by anna")
    assert row.finished_at is not None
    assert (bench.session(), bench.worker(), bench.said) == ("cancelled", ("idle", None), [])


class CancellingLocks(ExecutorLockManager):
    """Somebody cancels a run when its locks are asked for."""

    def __init__(self, runs_dir: Path, bench: Bench, run: int) -> None:
        super().__init__(runs_dir)
        self._bench = bench
        self._run = run

    def acquire(self, run_id: str, *, term: int = 0, timeout_seconds: float = 0.0) -> RunLock:
        with transaction(self._bench.shop.engine) as connection:
            row = runs.get(connection, self._run)
            assert intents.ask_to_cancel(connection, row, at=self._bench.shop.now(connection), actor="anna")
        return super().acquire(run_id, term=term, timeout_seconds=timeout_seconds)


def test_a_run_whose_locks_cannot_be_taken_at_all_has_failed(bench: Bench) -> None:
    run = bench.add("a")
    locks = bench.shop.run_locks.locks_dir
    locks.mkdir(parents=True)
    (locks / "a.lock").symlink_to("elsewhere")
    assert Claimant(bench.shop).claim(bench.workers[0]) is None
    row = bench.row(run)
    assert row.status == "failed"
    assert row.error is not None
    assert "symbolic link" in row.error
    assert (bench.session(), bench.worker()) == ("failed", ("idle", None))


class BreakingCursor:
    """Loses the connection when a statement, which is a transaction in itself, has been executed."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, *arguments: object) -> None:
        self._cursor.execute(*arguments)
        raise psycopg2.OperationalError("server closed the connection unexpectedly")


def test_who_lets_go_of_a_run_finds_out_whether_something_has_kept_its_locks(bench: Bench) -> None:
    bench.add("a")
    assignment = bench.claim()
    copy = os.dup(assignment.lease.fileno())
    assert not assignment.release()
    os.close(copy)
    bench.requeue(assignment.row)
    assert bench.claim().release()


@contextmanager
def lost_answers_to_claims(engine: Engine) -> Iterator[None]:
    with (
        lost_answers(engine),
        mock.patch.object(bare, "closing", lambda cursor: nullcontext(BreakingCursor(cursor))),
    ):
        yield


def test_a_claim_whose_answer_was_lost_is_found_again_and_no_second_one_is_made(bench: Bench) -> None:
    for name in "abc":
        bench.add(name)
    claimant = Claimant(bench.shop)
    with lost_answers_to_claims(bench.shop.engine), pytest.raises(DatabaseUnavailable):
        claimant.claim(bench.workers[0])
    other = bench.claim(1)
    assert other.row.run_id == "b"
    found = claimant.claim(bench.workers[0])
    assert found is not None
    row, lock, lease = found
    assert (row.run_id, row.lease_term) == ("a", 1)
    lease.close()
    lock.close()
    third = claimant.claim(bench.workers[0])
    assert third is not None
    assert third[0].run_id == "c", "it knows of the first one by now"
    third[2].close()
    third[1].close()


def test_a_claim_that_was_lost_before_it_was_known_is_forgotten(bench: Bench) -> None:
    run = bench.add("a")
    claimant = Claimant(bench.shop)
    with lost_answers_to_claims(bench.shop.engine), pytest.raises(DatabaseUnavailable):
        claimant.claim(bench.workers[0])
    bench.requeue(bench.row(run), claimed_by=None)
    found = claimant.claim(bench.workers[0])
    assert found is not None
    row, lock, lease = found
    assert (row.id, row.lease_term) == (run, 2)
    lease.close()
    lock.close()
