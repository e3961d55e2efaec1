"""Which runs a `resume` makes its own, and where they are then."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from supervisor.store import intents, runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.tables import workers
from supervisor.supervision.claim import Claimant
from supervisor.supervision.control.takeover import Taken, choose, holders, take, without_holder
from supervisor.supervision.presence import being_present, this_supervisor
from support.bench import DEAD, Bench


@pytest.fixture
def dead(make_bench: Callable[..., Bench]) -> Bench:
    """A supervisor that was killed."""
    return make_bench("dead", **DEAD)


@pytest.fixture
def heir(dead: Bench) -> Bench:
    """Another, which is not on record before it takes something."""
    me = this_supervisor(dead.shop.runs_directory, desired_workers=2, lease_seconds=60, name="heir")
    return replace(dead, shop=replace(dead.shop, me=me))


def chosen(bench: Bench, *names: str) -> list[str]:
    return [row.run_id for target in choose(bench.shop, "repo", names) for row in target.rows]


def took(heir: Bench, *rows: int) -> Taken:
    return take(heir.shop, "repo", rows, actor="anna")


def pause(bench: Bench, run: int) -> None:
    with transaction(bench.shop.engine) as connection:
        row = runs.get(connection, run)
        assert intents.ask_to_pause(connection, row, at=bench.shop.now(connection), actor="anna")


def test_without_names_what_was_left_behind_goes_before_what_is_paused(dead: Bench, heir: Bench) -> None:
    running = dead.abandon("a")
    queued, by_itself = dead.add("b"), dead.add("c")
    pause(dead, by_itself)
    dead.add_session("t")
    with_its_session = dead.add("d", session_id="t")
    dead.add("e", repository="other")
    with transaction(dead.shop.engine) as connection:
        sessions.pause(connection, "t")
    assert chosen(heir) == ["a", "b"]
    assert chosen(heir, "b", "session:t") == ["b", "d"]
    rows = [running.id, queued, by_itself, with_its_session]
    assert [row.id for row in without_holder(heir.shop, rows)] == rows
    took(heir, running.id, queued)
    with being_present(heir.shop.runs_directory, heir.shop.me.id):
        assert chosen(heir) == ["c", "d"], "the others are served"
        assert holders(heir.shop, rows).keys() == {running.id, queued}
        assert [row.id for row in without_holder(heir.shop, rows)] == [by_itself, with_its_session]


def test_a_session_of_which_all_that_is_left_is_ours_stays_as_it_is(dead: Bench, heir: Bench) -> None:
    running, queued = dead.abandon("a"), dead.add("b")
    dead.add_session("t")
    other = dead.add("c", session_id="t")
    taken = took(heir, running.id, queued, other)
    assert (taken.sessions, taken.gathered_in, taken.moving) == (["s", "t"], None, frozenset())
    assert [row.id for row in taken.rows] == [running.id, queued, other]
    assert [dead.row(run).session_id for run in (running.id, queued, other)] == ["s", "s", "t"]
    assert {dead.row(run).served_by for run in (running.id, queued, other)} == {heir.shop.me.id}
    assert [event.event for event in dead.events(queued)] == ["queued", "continued"]


def test_what_is_ours_of_a_session_with_others_comes_into_one_of_its_own(dead: Bench, heir: Bench) -> None:
    running, queued, rest = dead.abandon("a"), dead.add("b"), dead.add("c")
    dead.add_session("t")
    whole = dead.add("d", session_id="t")
    taken = took(heir, running.id, queued, whole)
    assert taken.sessions == ["t", taken.gathered_in]
    assert taken.moving == {running.id, queued}
    places = [dead.row(run).session_id for run in (running.id, queued, rest, whole)]
    assert places == ["s", taken.gathered_in, "s", "t"], "the first one when it is rescued"
    with transaction(dead.shop.engine) as connection:
        assert sessions.get(connection, taken.gathered_in or "").title == "a, b"


def test_what_was_paused_meanwhile_stays_where_it_rests(dead: Bench, heir: Bench) -> None:
    by_itself, with_its_session = dead.add("a"), dead.add("b")
    pause(dead, by_itself)
    assert took(heir, by_itself) == Taken((), {})
    with transaction(dead.shop.engine) as connection:
        sessions.pause(connection, "s")
    assert took(heir, with_its_session) == Taken((), {})
    assert dead.row(with_its_session).session_id == "s", "in another it would not be paused"


def test_what_others_serve_is_left_to_them(dead: Bench, heir: Bench, make_bench: Callable[..., Bench]) -> None:
    run = dead.add("a")
    alive = make_bench("alive")
    with being_present(alive.shop.runs_directory, alive.shop.me.id):
        taken = took(heir, run)
    assert (taken.rows, taken.holders) == ((), {run: f"pid {alive.shop.me.pid} on {alive.shop.me.host}"})
    with transaction(dead.shop.engine) as connection:
        named = connection.scalars(sa.select(workers.c.supervisor_id)).all()
    assert heir.shop.me.id not in named


def test_a_worker_looks_into_all_sessions_and_no_other(dead: Bench, heir: Bench) -> None:
    dead.add_session("t")
    first, second = dead.add("b", session_id="t"), dead.add("a")
    dead.add_session("u")
    dead.add("c", session_id="u")
    taken = took(heir, second, first)
    claimant = Claimant(heir.shop, sessions=taken.sessions)
    claimed = [claimant.claim(taken.worker_ids[0]) for _ in range(3)]
    for one in claimed:
        if one is not None:
            heir.until_the_end.callback(one[1].close)
            heir.until_the_end.callback(one[2].close)
    assert [one and one[0].id for one in claimed] == [first, second, None]
