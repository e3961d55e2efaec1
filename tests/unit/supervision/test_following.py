"""Whether a run that is followed may have more to tell."""

from supervisor.model.states import RunStatus
from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.supervision.assignment import Ending
from supervisor.supervision.control.following import ASK_SECONDS, FollowedRun
from supervisor.supervision.end import end
from support.bench import Bench
from support.clocks import HandClock

FAILED = Ending(RunStatus.FAILED, "failed", "boom")
PASSING = Ending(RunStatus.FAILED, "failed", "boom", transient=True)


def follow(bench: Bench, run: int, clock: HandClock, *, attempt: int | None = None) -> FollowedRun:
    return FollowedRun(bench.shop.engine, bench.row(run), attempt=attempt, monotonic=clock.monotonic)


def goes_on(followed: FollowedRun, clock: HandClock, seconds: float = ASK_SECONDS) -> bool:
    clock.seconds += seconds
    return followed.goes_on()


def test_a_run_goes_on_until_it_is_settled(bench: Bench, clock: HandClock) -> None:
    run = bench.add("a")
    followed = follow(bench, run, clock)
    assert goes_on(followed, clock)
    assignment = bench.claim()
    assert goes_on(followed, clock)
    assert end(bench.shop, assignment, FAILED)
    assert goes_on(followed, clock, 1)
    with transaction(bench.shop.engine) as connection:
        runs.settle(connection, run, at=bench.shop.now(connection))
    assert not goes_on(followed, clock, 1)


def test_one_whose_supervisor_was_killed_before_it_was_settled_ends_too(bench: Bench, clock: HandClock) -> None:
    followed = follow(bench, bench.add("a"), clock)
    assert end(bench.shop, bench.claim(), FAILED)
    assert goes_on(followed, clock)
    assert not goes_on(followed, clock, 10)


def test_a_retry_is_waited_for_unless_one_attempt_alone_is_of_interest(bench: Bench, clock: HandClock) -> None:
    run = bench.add("a")
    every, first = follow(bench, run, clock), follow(bench, run, clock, attempt=1)
    assert end(bench.shop, bench.claim(), PASSING)
    assert goes_on(every, clock)
    assert not goes_on(first, clock)
