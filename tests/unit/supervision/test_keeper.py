"""What those who watch are told of runs, and that nobody waits for it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from supervisor.board.overview import read_runs
from supervisor.board.progress import RunProgress
from supervisor.board.views import RunView
from supervisor.locks.processes import wait_until
from supervisor.model.states import RunStatus
from supervisor.store import leases
from supervisor.store import progress as store
from supervisor.store.engine import transaction
from supervisor.store.runs import hold
from supervisor.store.tables import run_progress, runs
from supervisor.supervision import keeper as keeper_module
from supervisor.supervision.assignment import Assignment, Ending
from supervisor.supervision.end import end
from supervisor.supervision.keeper import ProgressKeeper, counts_of
from supervisor.supervision.reap import INTERRUPTED
from support.bench import Bench

STARTED = RunProgress("a", RunStatus.RUNNING, "recognising", documents=3)
HALFWAY = replace(
    STARTED, documents_opened=2, documents_done=1, pages=9, pages_done={"ocr": 3, "cache": 2, "failed": 1}
)


@pytest.fixture
def keeper_of() -> Iterator[Callable[[Bench], ProgressKeeper]]:
    """Make the keeper of a bench's supervisor; it writes when it is told to."""
    with ExitStack() as until_the_end:

        def make(bench: Bench) -> ProgressKeeper:
            keeper = ProgressKeeper(bench.shop.databases.control_url, bench.shop.clock)
            until_the_end.callback(keeper._engine.dispose)
            return keeper

        yield make


@pytest.fixture
def claimed(bench: Bench) -> Assignment:
    bench.add("a")
    return bench.claim()


def seen(bench: Bench) -> RunView:
    (run,) = read_runs(bench.shop.engine, "repo", "s")
    return run


def stored(bench: Bench) -> list[Any]:
    """Return the rows as they are, `updated_at` included."""
    with transaction(bench.shop.engine) as connection:
        return list(connection.execute(sa.select(run_progress)).all())


def test_what_has_changed_is_written(
    bench: Bench, claimed: Assignment, keeper_of: Callable[[Bench], ProgressKeeper]
) -> None:
    keeper = keeper_of(bench)
    keeper.note(claimed.row, HALFWAY)
    keeper.keep()
    run = seen(bench)
    assert (run.stage, run.documents.total, run.documents.opened, run.documents.done) == ("recognising", 3, 2, 1)
    assert (run.pages.found, run.pages.done, run.pages.ocr, run.pages.cache, run.pages.failed) == (9, 6, 3, 2, 1)
    before = stored(bench)
    bench.shop.clock.seconds += 10  # type: ignore[attr-defined]  # a HandClock
    keeper.note(claimed.row, HALFWAY)
    keeper.keep()
    assert stored(bench) == before, "nothing is new"


def test_what_is_anothers_is_not_written(
    bench: Bench, claimed: Assignment, keeper_of: Callable[[Bench], ProgressKeeper]
) -> None:
    keeper = keeper_of(bench)
    keeper.note(claimed.row, HALFWAY)
    bench.requeue(claimed.row)
    keeper.keep()
    assert seen(bench).pages.done == 0
    claimed.release()
    again = bench.claim()
    assert again.row.lease_term == 2
    keeper.keep()
    assert seen(bench).pages.done == 0, "of an earlier term"
    keeper.note(again.row, STARTED)
    keeper.keep()
    assert seen(bench).stage == "recognising"
    keeper.note(again.row, HALFWAY)
    keeper.let_go(again.row.id)
    keeper.keep()
    assert seen(bench).pages.done == 0


@pytest.mark.parametrize(
    ("ending", "stage"),
    [
        (Ending(RunStatus.SUCCEEDED, "succeeded"), "succeeded"),
        (INTERRUPTED, "interrupted"),
        (Ending(RunStatus.FAILED, "failed", "killed", transient=True), "retrying"),
    ],
)
def test_the_last_values_stand_until_it_is_claimed_anew(
    bench: Bench,
    claimed: Assignment,
    keeper_of: Callable[[Bench], ProgressKeeper],
    ending: Ending,
    stage: str,
) -> None:
    bench.stage(claimed.row, "text")
    claimed.progress = HALFWAY
    assert end(bench.shop, claimed, ending)
    run = seen(bench)
    assert (run.stage, run.pages.done, run.documents.done) == (stage, 6, 1)
    if run.status is RunStatus.QUEUED:
        claimed.release()
        bench.make_due(run.row)
        again, keeper = bench.claim(), keeper_of(bench)
        keeper.note(again.row, replace(HALFWAY.anew(), stage="checking out"))
        keeper.keep()
        run = seen(bench)
        assert (run.stage, run.pages.done, run.documents.done, run.documents.total) == ("checking out", 0, 0, 3)


def test_it_writes_beside_the_loop_which_never_waits(
    bench: Bench, claimed: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "REST_SECONDS", 0.01)
    with ProgressKeeper(bench.shop.databases.control_url, bench.shop.clock) as keeper:
        keeper.note(claimed.row, STARTED)
        assert wait_until(lambda: seen(bench).stage == "recognising", 5)
        with transaction(bench.shop.engine) as connection:
            # On SQLite this keeps everybody else from writing.
            connection.execute(sa.update(runs).values(priority=7))
            keeper.note(claimed.row, HALFWAY)
        assert wait_until(lambda: seen(bench).pages.done == 6, 5)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_who_holds_a_run_is_not_waited_for_and_who_beats_waits_for_nobody(
    bench: Bench, claimed: Assignment, keeper_of: Callable[[Bench], ProgressKeeper]
) -> None:
    keeper = keeper_of(bench)
    keeper.note(claimed.row, HALFWAY)
    with transaction(bench.shop.engine) as connection:
        assert hold(connection, claimed.row)
        keeper.keep()
    assert seen(bench).pages.done == 6
    with transaction(keeper._engine) as connection:
        at = bench.shop.now(connection)
        assert store.keep(connection, claimed.row.id, claimed.row.lease_term, "reading", counts_of(STARTED), at=at)
        with transaction(bench.shop.engine) as other:
            leases.renew(other, {claimed.row.id: claimed.row.lease_term}, at=at)
            query = sa.select(runs.c.heartbeat_at).where(runs.c.id == claimed.row.id)
            assert other.scalar(query) == at


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("first", ["keeper", "end"])
def test_what_is_overtaken_by_the_end_does_not_stand(
    bench: Bench, claimed: Assignment, keeper_of: Callable[[Bench], ProgressKeeper], first: str
) -> None:
    keeper = keeper_of(bench)
    keeper.note(claimed.row, replace(STARTED, pages=1))
    bench.stage(claimed.row, "text")
    claimed.progress = HALFWAY
    with ThreadPoolExecutor() as threads:
        with transaction(bench.shop.engine) as connection:
            # Both find this row taken, one after the other.
            connection.execute(sa.select(run_progress.c.run).with_for_update())
            steps: dict[str, Callable[[], object]] = {
                "keeper": keeper.keep,
                "end": lambda: end(bench.shop, claimed, Ending(RunStatus.SUCCEEDED, "succeeded")),
            }
            waiting = [threads.submit(steps.pop(first))]
            assert wait_until(lambda: waiters(bench) == 1, 5)
            waiting.append(threads.submit(steps.popitem()[1]))
            assert wait_until(lambda: waiters(bench) == 2, 5)
        for one in waiting:
            one.result()
    assert (seen(bench).stage, seen(bench).pages.done, seen(bench).pages.found) == ("succeeded", 6, 9)


def waiters(bench: Bench) -> int:
    """Return how many connections wait for a lock of another one."""
    with transaction(bench.shop.engine) as connection:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return int(connection.scalar(sa.text(waits)) or 0)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_connection_that_is_lost_is_made_anew(
    bench: Bench, claimed: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "REST_SECONDS", 0.01)
    with ProgressKeeper(bench.shop.databases.control_url, bench.shop.clock) as keeper:
        keeper.note(claimed.row, STARTED)
        assert wait_until(lambda: seen(bench).stage == "recognising", 5)
        with transaction(bench.shop.engine) as connection:
            its = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            for pid in connection.scalars(sa.text(its)).all():
                connection.execute(sa.select(sa.func.pg_terminate_backend(pid)))
        keeper.note(claimed.row, HALFWAY)
        assert wait_until(lambda: seen(bench).pages.done == 6, 5)


def test_two_may_make_the_row_of_a_run_that_was_queued_by_hand(bench: Bench, claimed: Assignment) -> None:
    if bench.shop.engine.dialect.name != "postgresql":
        pytest.skip("SQLite lets nobody else write meanwhile")
    row, counts = claimed.row, counts_of(STARTED)
    with transaction(bench.shop.engine) as connection:
        connection.execute(sa.delete(run_progress))

    def keep() -> bool:
        with transaction(bench.shop.engine) as connection:
            return store.keep(connection, row.id, row.lease_term, "late", counts, at=bench.shop.now(connection))

    with ThreadPoolExecutor() as pool:
        with transaction(bench.shop.engine) as connection:
            at = bench.shop.now(connection)
            assert store.keep(connection, row.id, row.lease_term, "first", counts, at=at)
            late = pool.submit(keep)
            waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            assert wait_until(lambda: connection.scalar(waiting) > 0, 10)
        assert not late.result()
    assert seen(bench).stage == "first"
    assert keep()
    assert seen(bench).stage == "late"
