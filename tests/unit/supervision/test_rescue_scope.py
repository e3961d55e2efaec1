"""Which runs a rescuer looks at, and where it brings those that it was told of."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from supervisor.model.states import RunStatus
from supervisor.store import sessions
from supervisor.store.claims import Scope
from supervisor.store.engine import open_engine, transaction
from supervisor.store.moments import database_now
from supervisor.store.tables import workers
from supervisor.supervision.assignment import Ending
from supervisor.supervision.end import end
from supervisor.supervision.presence import being_present
from supervisor.supervision.rescue import LOOK_SECONDS, Rescuer
from support.bench import DEAD, ELSEWHERE, Bench
from support.clocks import HandClock

REPO = Scope(None, ["repo"])


def test_our_own_runs_and_those_of_other_scopes_are_let_alone(bench: Bench, make_bench: Callable[..., Bench]) -> None:
    dead = make_bench("dead", **DEAD)
    dead.add_session("t")
    mine, out_of_scope, named, other = (
        dead.abandon(name, session_id=session) for name, session in (("a", "s"), ("b", "t"), ("c", "t"), ("d", "s"))
    )
    assert Rescuer(bench.shop, Scope("s", ["repo"]), [named.id]).look([mine.id])
    rows = [bench.row(row.id).status for row in (mine, out_of_scope, named, other)]
    assert rows == ["running", "running", "queued", "queued"]


def test_named_runs_are_gathered_in_our_session_as_soon_as_they_are_queued(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    dead, alive = make_bench("dead", **DEAD), make_bench("alive")
    for name in ("t", "u", "ours"):
        bench.add_session(name)
    rescued = dead.abandon("a", session_id="t")
    held = alive.abandon("b", session_id="u")
    waiting = bench.add("c", session_id="u")
    not_named = bench.add("d", session_id="u")
    rescuer = Rescuer(bench.shop, Scope("ours", ["repo"]), [rescued.id, held.id, waiting])
    with being_present(bench.shop.runs_directory, alive.shop.me.id):
        assert rescuer.look([])
    places = {run: bench.row(run).session_id for run in (rescued.id, held.id, waiting, not_named)}
    assert places == {rescued.id: "ours", held.id: "u", waiting: "ours", not_named: "u"}
    assert [event.event for event in bench.events(rescued.id)] == ["queued", "claimed", "rescued", "moved"]
    assert (bench.session("t"), bench.session("u"), bench.session("ours")) == ("completed", "running", "running")
    clock.seconds += LOOK_SECONDS
    assert rescuer.look([])
    assert [event.event for event in bench.events(waiting)] == ["queued", "moved"], "once is enough"


def test_without_a_session_of_our_own_nothing_is_moved(bench: Bench) -> None:
    bench.add_session("t")
    run = bench.add("a", session_id="t")
    assert Rescuer(bench.shop, REPO, [run]).look([])
    assert bench.row(run).session_id == "t"


def test_workers_that_have_been_silent_for_long_are_called_offline(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    silent = make_bench("silent", **ELSEWHERE)
    with transaction(bench.shop.engine) as connection:
        then = database_now(connection, clock) - timedelta(seconds=31)
        connection.execute(sa.update(workers).where(workers.c.id == silent.workers[0]).values(heartbeat_at=then))
    assert Rescuer(bench.shop, REPO).look([])
    assert (silent.worker(0), silent.worker(1), bench.worker(0)) == (
        ("offline", None),
        ("idle", None),
        ("idle", None),
    )


def test_a_session_that_has_ended_goes_on_with_what_is_gathered_in_it(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    bench.add_session("ours")
    bench.add("x", session_id="ours")
    assert end(bench.shop, bench.claim(), Ending(RunStatus.SUCCEEDED, "succeeded"))
    assert bench.session("ours") == "completed"
    rescued = make_bench("dead", **DEAD).abandon("a")
    assert Rescuer(bench.shop, Scope("ours", ["repo"]), [rescued.id]).look([])
    assert bench.row(rescued.id).session_id == "ours"
    assert bench.session("ours") == "running"
    assert bench.claim(1).row.id == rescued.id


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_session_does_not_wait_for_what_was_claimed_before_it_could_be_gathered(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    """A file has one writer at a time: nobody can come in between."""
    bench.add_session("ours")
    bench.add("x", session_id="ours")
    assert end(bench.shop, bench.claim(), Ending(RunStatus.SUCCEEDED, "succeeded"))
    run, other = bench.add("a"), make_bench("other")

    def be_quicker(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE ops.runs SET session_id"):
            other.claim()

    sa.event.listen(bench.shop.engine, "before_cursor_execute", be_quicker)
    assert Rescuer(bench.shop, Scope("ours", ["repo"]), [run]).look([])
    assert (bench.row(run).status, bench.row(run).session_id) == ("running", "s")
    assert bench.session("ours") == "completed"


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_run_is_not_taken_out_of_a_session_that_is_paused_meanwhile(bench: Bench) -> None:
    """A file has one writer at a time: nobody can come in between."""
    for name in ("theirs", "ours"):
        bench.add_session(name)
    run = bench.add("a", session_id="theirs")
    elsewhere = open_engine(bench.shop.databases.control_url)

    def pause(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT ops.sessions.id") and "FOR UPDATE" in statement:
            with transaction(elsewhere) as connection:
                sessions.pause(connection, "theirs")

    sa.event.listen(bench.shop.engine, "before_cursor_execute", pause)
    assert Rescuer(bench.shop, Scope("ours", ["repo"]), [run]).look([])
    elsewhere.dispose()
    assert (bench.row(run).session_id, bench.session("theirs")) == ("theirs", "paused")
