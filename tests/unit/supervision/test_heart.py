"""What a heart renews, what it notices, and when it gives up. Only the time is not real."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from supervisor.locks.processes import wait_until
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.tables import runs, supervisors, workers
from supervisor.supervision import heart as heart_module
from supervisor.supervision.heart import Heart, LeaseLostError
from support.bench import Bench
from support.clocks import BEGIN, HandClock
from support.postgres import PostgresServer

LONG_AGO = BEGIN.replace(year=2020)


@pytest.fixture
def until_the_end() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def heart_of(until_the_end: ExitStack) -> Callable[..., Heart]:
    """Make the heart of a bench's supervisor; it beats when it is told to."""

    def make(
        bench: Bench, on_change: Callable[[], None] = lambda: None, on_silence: Callable[[], None] = lambda: None
    ) -> Heart:
        shop = bench.shop
        heart = Heart(
            shop.databases.control_url,
            shop.me,
            shop.clock,
            shop.journal.log,
            on_change=on_change,
            on_silence=on_silence,
        )
        until_the_end.callback(heart._engine.dispose)
        return heart

    return make


def silence(bench: Bench) -> None:
    """Let everybody be last heard of long ago."""
    with transaction(bench.shop.engine) as connection:
        for table in (supervisors, workers, runs):
            connection.execute(sa.update(table).values(heartbeat_at=LONG_AGO))


def heard_of(bench: Bench) -> dict[str, datetime]:
    """Return when supervisors, workers and runs were last heard of."""
    with transaction(bench.shop.engine) as connection:
        found = {
            str(name): at
            for table, column in ((supervisors, supervisors.c.id), (workers, workers.c.id), (runs, runs.c.run_id))
            for name, at in connection.execute(sa.select(column, table.c.heartbeat_at))
        }
    return {name: at for name, at in found.items() if at is not None and at > LONG_AGO}


def before_commit(heart: Heart, act: Callable[[], object]) -> None:
    """Let something happen once, when all of the next transaction is done but its commit."""
    sa.event.listen(heart._engine, "commit", lambda _connection: act(), once=True)


def test_a_beat_renews_the_supervisor_its_workers_and_the_runs_that_it_holds(
    make_bench: Callable[..., Bench], heart_of: Callable[..., Heart]
) -> None:
    bench, other = make_bench("one"), make_bench("two")
    for name in "abc":
        bench.add(name)
    a, b, _c = bench.claim(0).row, bench.claim(1).row, other.claim(0).row
    heart = heart_of(bench)
    heart.hold(a.id, a.lease_term)
    heart.hold(b.id, b.lease_term)
    silence(bench)
    heart.beat()
    assert heard_of(bench).keys() == {bench.shop.me.id, *bench.workers, "a", "b"}
    heart.let_go(b.id)
    silence(bench)
    heart.beat()
    assert heard_of(bench).keys() == {bench.shop.me.id, *bench.workers, "a"}
    assert heart.lost == frozenset()


def test_a_run_whose_term_is_over_is_lost_until_it_is_let_go(bench: Bench, heart_of: Callable[..., Heart]) -> None:
    changes: list[None] = []
    for name in "ab":
        bench.add(name)
    lost, kept = bench.claim(0).row, bench.claim(1).row
    heart = heart_of(bench, lambda: changes.append(None))
    heart.hold(lost.id, lost.lease_term)
    heart.hold(kept.id, kept.lease_term)
    heart.beat()
    assert (heart.lost, changes) == (frozenset(), [])
    bench.requeue(lost)
    assert heart.lost == frozenset(), "it cannot know yet"
    heart.beat()
    assert (heart.lost, len(changes)) == ({lost.id}, 1)
    heart.beat()
    assert heart.lost == {lost.id}
    heart.let_go(lost.id)
    seen = len(changes)
    heart.beat()
    assert (heart.lost, len(changes)) == (frozenset(), seen)


def test_a_run_that_is_claimed_again_is_held_under_its_new_term(bench: Bench, heart_of: Callable[..., Heart]) -> None:
    bench.add("a")
    claimed = bench.claim()
    heart = heart_of(bench)
    heart.hold(claimed.row.id, claimed.row.lease_term)
    bench.requeue(claimed.row)
    claimed.release()
    again = bench.claim().row
    heart.beat()
    assert heart.lost == {again.id}, "the old term is over, whoever has the new one"
    heart.let_go(again.id)
    heart.hold(again.id, again.lease_term)
    heart.beat()
    assert heart.lost == frozenset()


def test_what_is_let_go_while_it_beats_is_not_called_lost(bench: Bench, heart_of: Callable[..., Heart]) -> None:
    changes: list[None] = []
    bench.add("a")
    row = bench.claim().row
    heart = heart_of(bench, lambda: changes.append(None))
    heart.hold(row.id, row.lease_term)
    bench.requeue(row)
    before_commit(heart, lambda: heart.let_go(row.id))
    heart.beat()
    assert (heart.lost, changes) == (frozenset(), [])


def test_who_was_silent_for_longer_than_the_lease_looks_before_anything_else(
    bench: Bench, heart_of: Callable[..., Heart], clock: HandClock
) -> None:
    bench.add("a")
    row = bench.claim().row
    heart = heart_of(bench)
    heart.hold(row.id, row.lease_term)
    bench.requeue(row)
    clock.seconds += 60
    heart.check()
    assert heart.lost == frozenset(), "a beat of this lease is left"
    clock.seconds += 1
    heart.check()
    assert heart.lost == {row.id}


@pytest.fixture
def fragile(own_postgres: PostgresServer, make_bench: Callable[..., Bench]) -> Bench:
    """A supervisor whose server may be stopped."""
    databases = Databases(own_postgres.create_database("a"), per_run=None)
    databases.open_control().dispose()
    return make_bench("fragile", at=databases, lease_seconds=60)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_silence_is_counted_by_our_own_clock_from_before_the_last_beat(
    fragile: Bench, own_postgres: PostgresServer, heart_of: Callable[..., Heart], clock: HandClock
) -> None:
    heart = heart_of(fragile)
    clock.seconds = 100

    def be_slow() -> None:
        clock.seconds += 40

    before_commit(heart, be_slow)
    heart.beat()
    own_postgres.stop()
    with pytest.raises(DatabaseUnavailable):
        heart.beat()
    clock.seconds = 160
    heart.check()
    clock.seconds = 161
    with pytest.raises(LeaseLostError, match="no heartbeat reached the database for 61 s") as caught:
        heart.check()
    assert caught.value.exit_code == 4
    assert caught.value.hint is not None
    own_postgres.start()
    heart.check()
    own_postgres.stop()
    clock.seconds = 221
    heart.check()


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_it_beats_by_itself_and_goes_on_when_the_database_was_away(
    own_postgres: PostgresServer, make_bench: Callable[..., Bench], fragile: Bench, heart_of: Callable[..., Heart]
) -> None:
    bench = make_bench("quick", at=fragile.shop.databases, lease_seconds=6)
    me, failed = bench.shop.me.id, []
    silence(bench)
    heart = heart_of(bench)
    beat = heart.beat

    def watched() -> None:
        try:
            beat()
        except DatabaseUnavailable as error:
            failed.append(error)
            raise

    heart.beat = watched  # type: ignore[method-assign]  # seen from outside, it is the same
    with heart:
        assert wait_until(lambda: me in heard_of(bench), 30)
        own_postgres.stop()
        assert wait_until(lambda: len(failed) > 1, 30)
        own_postgres.start()
        silence(bench)
        assert wait_until(lambda: me in heard_of(bench), 30)
    silence(bench)
    assert not any(thread.is_alive() for thread in heart._threads)
    assert heard_of(bench) == {}


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_while_the_database_hangs_somebody_else_sees_that_the_lease_is_over(
    make_bench: Callable[..., Bench],
    heart_of: Callable[..., Heart],
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heart_module, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(heart_module, "WAKING_SECONDS", 0.2)
    bench = make_bench("quick", lease_seconds=6)
    calls: list[None] = []
    heart = heart_of(bench, on_silence=lambda: calls.append(None))
    with heart:
        with transaction(bench.shop.engine) as connection:
            connection.execute(sa.select(supervisors.c.id).with_for_update())
            assert wait_until(heart._beating.locked, 30), "the heart waits for the row"
            assert calls == []
            clock.seconds += 7
            assert wait_until(lambda: len(calls) > 1, 30)
        for _ in range(2):
            silence(bench)
            assert wait_until(lambda: bench.shop.me.id in heard_of(bench), 30)
            calls.clear()
        silence(bench)
        assert wait_until(lambda: bench.shop.me.id in heard_of(bench), 30)
        assert calls == [], "it is heard again"


def test_who_was_stopped_beats_before_anybody_gives_up(
    make_bench: Callable[..., Bench],
    heart_of: Callable[..., Heart],
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heart_module, "WATCH_SECONDS", 0.05)
    stopped_for = [0.0]
    monkeypatch.setattr(heart_module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + stopped_for[0]))
    bench = make_bench("quick", lease_seconds=6)
    calls: list[None] = []
    with heart_of(bench, on_silence=lambda: calls.append(None)):
        stopped_for[0] = 100
        clock.seconds += 100
        silence(bench)
        assert wait_until(lambda: bench.shop.me.id in heard_of(bench), 30)
        assert calls == []
