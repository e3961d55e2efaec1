"""How often people's wishes are looked up, and what becomes of what has not been started yet."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from supervisor.model.intents import Intent
from supervisor.store import intents, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.supervision.aside import Aside
from supervisor.supervision.heart import Heart
from supervisor.supervision.heed import ASK_SECONDS, Heed
from supervisor.supervision.reap import CANCELLED, PAUSED
from supervisor.supervision.room import RoomWatch
from supervisor.supervision.staff import Staff
from supervisor.supervision.wakeup import Wakeup
from support.bench import Bench
from support.clocks import HandClock


@pytest.fixture
def staff(bench: Bench) -> Staff:
    return Staff(bench.shop, Scope(None, ["repo"]), bench.workers)


@pytest.fixture
def heed(bench: Bench, staff: Staff) -> Iterator[Heed]:
    shop, wakeup = bench.shop, Wakeup()
    heart = Heart(
        shop.databases.control_url, shop.me, shop.clock, shop.journal.log, on_change=wakeup.ring, on_silence=wakeup.ring
    )
    aside = Aside(wakeup.ring)
    yield Heed(shop, staff, heart, wakeup, aside, room=RoomWatch({}, 0, shop.clock))
    aside.close()
    wakeup.close()


def test_wishes_are_looked_up_once_a_second_in_one_transaction(
    bench: Bench, staff: Staff, heed: Heed, clock: HandClock
) -> None:
    bench.add("a")
    staff.take_on(bench.claim())
    begun: list[object] = []
    sa.event.listen(bench.shop.engine, "begin", begun.append)
    for seconds, looks in ((0, True), (0, False), (0.9 * ASK_SECONDS, False), (0.1 * ASK_SECONDS, True)):
        clock.seconds += seconds
        assert heed.look() == looks
    assert len(begun) == 2


@pytest.mark.parametrize("intent", Intent)
def test_what_has_not_been_started_ends_without_waiting_for_its_checkout(
    bench: Bench, staff: Staff, heed: Heed, intent: Intent
) -> None:
    bench.add("a")
    bench.add("b")
    wanted, other = bench.claim(0), bench.claim(1)
    staff.take_on(wanted)
    staff.take_on(other)
    ask = {Intent.CANCEL: intents.ask_to_cancel, Intent.PAUSE: intents.ask_to_pause}[intent]
    with transaction(bench.shop.engine) as connection:
        ask(connection, wanted.row, at=bench.shop.now(connection), actor="anna")
    assert heed.look()
    assert not wanted.provisioned.done()
    assert wanted.ending is {Intent.CANCEL: CANCELLED, Intent.PAUSE: PAUSED}[intent]
    assert other.ending is None


def test_a_paused_session_pauses_all_that_executes(bench: Bench, staff: Staff, heed: Heed) -> None:
    bench.add("a")
    assignment = bench.claim()
    staff.take_on(assignment)
    with transaction(bench.shop.engine) as connection:
        sessions.pause(connection, "s")
    heed.look()
    assert assignment.ending is PAUSED


def test_workers_follow_the_number_that_is_wanted(bench: Bench, heed: Heed, clock: HandClock) -> None:
    for number in (3, 1):
        with transaction(bench.shop.engine) as connection:
            supervisors.scale(connection, bench.shop.me.id, number)
        clock.seconds += ASK_SECONDS
        heed.look()
        assert bench.said[-1].startswith(f"{number} worker")
