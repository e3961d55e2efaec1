import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.lease import beat_interval, is_expired
from supervisor.model.liveness import Verdict
from supervisor.model.rescue import HeldRun, RescueOutcome, RescuePlan, Sighting, plan_rescues, rescue_outcome

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = 60
RUN = HeldRun(id=7, lease_term=2, heartbeat_at=START, lease_seconds=LEASE, verdict=Verdict.BY_LEASE)


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass
class Watch:
    """A rescuer that goes on looking; its monotonic clock began at some moment of its own."""

    plan: RescuePlan = RescuePlan(rescues=(), sightings={})  # noqa: RUF009 - immutable, and never changed in place
    offset: float = 0.0

    def look(self, runs: Sequence[HeldRun], *, database: float, own: float) -> list[int]:
        self.plan = plan_rescues(runs, self.plan.sightings, at=moment(database), monotonic=own + self.offset)
        return [run.id for run in self.plan.rescues]


def test_a_silent_holder_is_watched_for_half_a_lease_after_it_expired() -> None:
    watch = Watch()
    assert watch.look([RUN], database=60, own=60) == []
    assert watch.plan.sightings == {}
    assert watch.look([RUN], database=61, own=61) == []
    assert watch.plan.sightings == {7: Sighting(lease_term=2, heartbeat_at=START, since=61)}
    assert watch.look([RUN], database=90.9, own=90.9) == []
    assert watch.look([RUN], database=91, own=91) == [7]
    assert watch.look([RUN], database=92, own=92) == [7], "a rescue that failed is tried again"
    assert watch.look([], database=93, own=93) == []
    assert watch.plan.sightings == {}


@pytest.mark.parametrize("change", [{"lease_term": 3}, {"heartbeat_at": moment(1)}, {"heartbeat_at": None}])
def test_another_claim_or_beat_starts_the_watch_anew(change: dict[str, object]) -> None:
    watch = Watch()
    watch.look([RUN], database=100, own=100)
    other = replace(RUN, **change)  # type: ignore[arg-type] - the names are those above
    assert watch.look([other], database=140, own=140) == []
    assert watch.look([other], database=169, own=169) == []
    assert watch.look([other], database=170, own=170) == [7]


@pytest.mark.parametrize(
    ("between", "database"),
    [([replace(RUN, verdict=Verdict.ALIVE)], 110.0), ([], 110.0), ([RUN], 50.0)],
    ids=["seen alive", "not running", "not expired"],
)
def test_a_watch_that_was_interrupted_starts_anew(between: list[HeldRun], database: float) -> None:
    watch = Watch()
    watch.look([RUN], database=100, own=100)
    watch.look(between, database=database, own=110)
    assert watch.plan.sightings == {}
    assert watch.look([RUN], database=140, own=140) == []
    assert watch.look([RUN], database=170, own=170) == [7]


def test_a_claim_without_a_beat_is_watched_from_the_first_look_on() -> None:
    run = replace(RUN, heartbeat_at=None)
    watch = Watch()
    assert watch.look([run], database=0, own=0) == []
    assert watch.look([run], database=30, own=30) == [7]


def test_time_before_the_lease_expired_is_no_watching() -> None:
    watch = Watch()
    for seconds in range(0, 60, 5):
        watch.look([RUN], database=seconds, own=seconds)
    assert watch.look([RUN], database=1000, own=60) == []
    assert watch.look([RUN], database=1029, own=89) == []
    assert watch.look([RUN], database=1030, own=90) == [7]


@given(st.integers(), st.none() | st.floats(-1e6, 1e6), st.floats(0, 1e9))
def test_the_dead_lose_their_runs_at_once_and_the_living_never(term: int, beat: float | None, own: float) -> None:
    run = replace(RUN, lease_term=term, heartbeat_at=None if beat is None else moment(beat))
    dead, alive = replace(run, verdict=Verdict.DEAD), replace(run, id=8, verdict=Verdict.ALIVE)
    watched = {row: Sighting(lease_term=term, heartbeat_at=run.heartbeat_at, since=-1e3) for row in (7, 8)}
    plan = plan_rescues([dead, alive], watched, at=moment(1e7), monotonic=own)
    assert plan == RescuePlan(rescues=(dead,), sightings={})


LOOKS = st.lists(st.floats(0, 600), min_size=1, max_size=40).map(sorted)
LEASES = st.sampled_from([6, 30, 60, 200])
OFFSETS = st.floats(0, 1e6)


@given(LEASES, OFFSETS, LOOKS, st.lists(st.tuples(st.floats(0, 600), st.floats(0, 1e5)), max_size=4))
def test_who_goes_on_beating_keeps_the_run_even_if_the_database_clock_leaps(
    lease: int, offset: float, looks: list[float], leaps: list[tuple[float, float]]
) -> None:
    def database(now: float) -> float:
        return now + sum(by for when, by in leaps if when <= now)

    interval = beat_interval(lease)
    watch = Watch(offset=offset)
    for now in looks:
        beat = database(math.floor(now / interval) * interval)
        run = replace(RUN, heartbeat_at=moment(beat), lease_seconds=lease)
        assert watch.look([run], database=database(now), own=now) == []


@given(LEASES, OFFSETS, LOOKS, st.floats(0, 1e5))
def test_who_fell_silent_loses_the_run_after_one_and_a_half_leases(
    lease: int, offset: float, looks: list[float], ahead: float
) -> None:
    run = replace(RUN, heartbeat_at=moment(ahead), lease_seconds=lease)
    watch = Watch(offset=offset)
    rescued = [now for now in looks if watch.look([run], database=ahead + now, own=now)]
    # The microseconds that a datetime has, and the digits that a float has beside the offset.
    slack = 1e-5
    assert all(now >= 1.5 * lease - slack for now in rescued)
    first = next((now for now in looks if now > lease + slack), math.inf)
    assert {now for now in looks if now >= first + lease / 2 + slack} <= set(rescued)


@given(OFFSETS, LOOKS, st.floats(60.001, 600))
def test_a_database_that_was_away_gives_everybody_time_to_beat_again(
    offset: float, looks: list[float], back: float
) -> None:
    watch = Watch(offset=offset)
    for now in looks:
        if now < back:
            continue  # nobody sees anything, and no beat gets through
        beat = 0.0 if now < back + 10 else back + 10 * ((now - back) // 10)
        assert watch.look([replace(RUN, heartbeat_at=moment(beat))], database=now, own=now) == []


@dataclass(frozen=True)
class Look:
    run: HeldRun | None
    database: float
    own: float


def proven_by_history(looks: Sequence[Look]) -> bool:
    """State the rule over all looks so far, the last of which is now."""
    now = looks[-1]
    if now.run is None or now.run.verdict is Verdict.ALIVE:
        return False
    if now.run.verdict is Verdict.DEAD:
        return True
    for look in reversed(looks):
        if look.run != now.run or not is_expired(now.run.heartbeat_at, LEASE, at=moment(look.database)):
            return False
        if now.own - look.own >= LEASE / 2:
            return True
    return False


ROWS = st.builds(
    HeldRun,
    id=st.just(7),
    lease_term=st.integers(1, 2),
    heartbeat_at=st.sampled_from([None, moment(0), moment(10)]),
    lease_seconds=st.just(LEASE),
    verdict=st.sampled_from([*Verdict, Verdict.BY_LEASE, Verdict.BY_LEASE]),
)


@given(st.lists(st.tuples(st.none() | ROWS, st.integers(1, 6), st.integers(0, 40), st.integers(0, 150)), max_size=12))
def test_every_plan_follows_from_all_that_was_seen(steps: list[tuple[HeldRun | None, int, int, int]]) -> None:
    watch = Watch()
    other = replace(RUN, id=8, verdict=Verdict.ALIVE)
    looks: list[Look] = []
    own = 0.0
    for run, times, passing, database in steps:
        for _ in range(times):
            own += passing
            looks.append(Look(run, database, own))
            rescued = watch.look([other] if run is None else [other, run], database=database, own=own)
            assert rescued == ([7] if proven_by_history(looks) else [])


def test_the_fourth_rescue_ends_the_run() -> None:
    outcomes = [rescue_outcome(count) for count in range(5)]
    assert outcomes == [RescueOutcome.REQUEUE] * 3 + [RescueOutcome.FAIL] * 2
