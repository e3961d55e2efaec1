"""Whose runs are taken from them, when, and what becomes of these. Only the time is not real."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from supervisor.artifacts.layout import RunsDirectory
from supervisor.store import claims, leases, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.moments import database_now
from supervisor.supervision.assignment import Assignment
from supervisor.supervision.presence import being_present
from supervisor.supervision.rescue import LOOK_SECONDS, Rescuer
from support.bench import DEAD, ELSEWHERE, Bench
from support.clocks import HandClock

REPO = Scope(None, ["repo"])


def look(rescuer: Rescuer, clock: HandClock, *, seconds: float = LOOK_SECONDS, mine: tuple[int, ...] = ()) -> None:
    """Look again after some time."""
    clock.seconds += seconds
    assert rescuer.look(mine)


def is_present(bench: Bench, other: Bench) -> bool:
    with transaction(bench.shop.engine) as connection:
        return supervisors.present(connection, other.shop.me.id) is not None


def test_the_run_of_one_that_died_here_is_queued_at_once(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    dead = make_bench("dead", **DEAD)
    row = dead.abandon()
    rescuer = Rescuer(bench.shop, REPO)
    look(rescuer, clock)
    after, [*_, event] = bench.row(row.id), bench.events(row.id)
    assert (after.status, after.claimed_by, after.attempt, after.lease_term) == ("queued", None, 1, 1)
    assert (after.rescue_count, after.retry_count, after.error) == (1, 0, None)
    assert (event.event, event.actor, event.lease_term) == ("rescued", bench.shop.me.id, 1)
    reason = f"its supervisor (pid {DEAD['pid']} on {dead.shop.me.host}) is gone"
    assert (event.detail["from"], event.detail["reason"]) == (dead.workers[0], reason)
    assert bench.said == [f"run a: {reason}; going on with attempt 1"]
    assert rescuer.pending == 0
    assert bench.session() == "running"
    assert not is_present(bench, dead)
    assert dead.worker() == ("offline", None)
    assert bench.claim().row.lease_term == 2


@pytest.fixture
def orphan() -> Iterator[Callable[[Assignment], subprocess.Popen[bytes]]]:
    """Let a process in a group of its own share the locks of a run, as an executor does, and outlive who started it."""
    with ExitStack() as started:

        def start(assignment: Assignment) -> subprocess.Popen[bytes]:
            process = started.enter_context(
                subprocess.Popen(["sleep", "600"], pass_fds=[assignment.lock.fileno()], start_new_session=True)
            )
            started.callback(process.kill)
            assignment.lock.note_process_group(process.pid)
            assignment.release()
            return process

        yield start


@pytest.mark.parametrize("same_directory", [True, False])
def test_what_a_dead_one_started_is_ended_before_its_run_is_taken(
    bench: Bench,
    make_bench: Callable[..., Bench],
    orphan: Callable[[Assignment], subprocess.Popen[bytes]],
    clock: HandClock,
    tmp_path: Path,
    *,
    same_directory: bool,
) -> None:
    directory = bench.shop.runs_directory if same_directory else RunsDirectory(tmp_path / "others")
    dead = make_bench("dead", runs=directory, **DEAD)
    run = dead.add("a")
    executor = orphan(dead.claim())
    assert dead.shop.run_locks.is_held("a")
    look(Rescuer(bench.shop, REPO), clock)
    assert executor.wait(timeout=30) == -signal.SIGTERM
    assert bench.row(run).status == "queued"
    assert not dead.shop.run_locks.is_held("a")


@pytest.mark.parametrize("recorded", ["nobody", "ourselves", "another term"])
def test_what_cannot_be_ended_keeps_its_run_and_is_told_of_once(
    bench: Bench,
    make_bench: Callable[..., Bench],
    orphan: Callable[[Assignment], subprocess.Popen[bytes]],
    clock: HandClock,
    *,
    recorded: str,
) -> None:
    dead = make_bench("dead", **DEAD)
    run = dead.add("a")
    assignment = dead.claim()
    executor = orphan(assignment)
    match recorded:
        case "nobody":
            assignment.lock.file.record_path.unlink()
        case "ourselves":  # by a number that was given anew
            # The leader of our group may have ended.
            mine = replace(assignment.lock.holder, process_group=os.getpgrp(), process_group_started_at=0.0)
            assignment.lock.file.write_record(mine)
        case "another term":  # whose holder is not the one that died
            assignment.lock.file.write_record(replace(assignment.lock.holder, term=7))
    rescuer = Rescuer(bench.shop, REPO)
    for _ in range(2):
        look(rescuer, clock)
        assert (bench.row(run).status, rescuer.pending) == ("running", 1)
    assert executor.poll() is None
    assert len(bench.said) == 1
    assert bench.said[0].startswith("run a: its supervisor is gone, and not all that it started")
    executor.kill()
    executor.wait(timeout=30)
    look(rescuer, clock)
    assert (bench.row(run).status, rescuer.pending) == ("queued", 0)


def test_what_takes_long_and_fails_is_tried_again_after_a_longer_rest(
    bench: Bench,
    make_bench: Callable[..., Bench],
    orphan: Callable[[Assignment], subprocess.Popen[bytes]],
    clock: HandClock,
) -> None:
    def take_long(_line: str) -> None:
        clock.seconds += 12

    dead = make_bench("dead", **DEAD)
    run = dead.add("a")
    assignment = dead.claim()
    executor = orphan(assignment)
    assignment.lock.file.record_path.unlink()
    rescuer = Rescuer(replace(bench.shop, note=take_long), REPO)
    look(rescuer, clock)
    executor.kill()
    executor.wait(timeout=30)
    look(rescuer, clock)
    assert (bench.row(run).status, rescuer.pending) == ("running", 1)
    clock.seconds += 108
    look(rescuer, clock)
    assert (bench.row(run).status, rescuer.pending) == ("queued", 0)


def test_one_that_is_seen_to_live_keeps_its_run_however_silent(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    stopped = make_bench("stopped")
    row = stopped.abandon()
    bench.silence(row.id)
    rescuer = Rescuer(bench.shop, REPO)
    with being_present(bench.shop.runs_directory, stopped.shop.me.id):
        for _ in range(3):
            look(rescuer, clock, seconds=60)
            assert rescuer.pending == 0
    assert bench.row(row.id).status == "running"


def test_the_run_of_one_elsewhere_is_queued_when_its_lease_is_over_and_half_of_one_is_watched(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    there = make_bench("there", lease_seconds=40, **ELSEWHERE)
    row = there.abandon()
    rescuer = Rescuer(bench.shop, REPO)
    look(rescuer, clock)
    assert rescuer.pending == 0, "it has just beaten"
    bench.silence(row.id, seconds=100)
    look(rescuer, clock)
    assert rescuer.pending == 1
    look(rescuer, clock, seconds=19.9)
    assert (bench.row(row.id).status, rescuer.pending) == ("running", 1)
    silent = bench.row(row.id)
    look(rescuer, clock, seconds=0.1 + LOOK_SECONDS)
    after, [*_, event] = bench.row(row.id), bench.events(row.id)
    assert (after.status, after.rescue_count, rescuer.pending) == ("queued", 1, 0)
    reason = f"its supervisor (pid 7 on shelf) has not been heard of since {silent.heartbeat_at:%Y-%m-%d %H:%M:%S} UTC"
    assert (event.detail["from"], event.detail["reason"]) == (there.workers[0], reason)
    assert is_present(bench, there), "it may live, and do other work"


def test_who_beats_while_it_is_watched_keeps_its_run(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    row = make_bench("there", **ELSEWHERE).abandon()
    rescuer = Rescuer(bench.shop, REPO)
    for seconds in (900, 800, 700):  # each beat has come late, and has come
        bench.silence(row.id, seconds=seconds)
        look(rescuer, clock, seconds=29)
        assert (bench.row(row.id).status, rescuer.pending) == ("running", 1)
    with transaction(bench.shop.engine) as connection:
        at = database_now(connection, clock)
        assert leases.renew(connection, {row.id: row.lease_term}, at=at) == {row.id}
    look(rescuer, clock, seconds=29)
    assert (bench.row(row.id).status, rescuer.pending) == ("running", 0)


def test_who_claimed_by_hand_and_is_nobody_has_the_usual_lease(bench: Bench, clock: HandClock) -> None:
    run = bench.add("a")
    with transaction(bench.shop.engine) as connection:
        assert claims.claim(connection, "psql", clock) is not None
    bench.silence(run, seconds=61)
    rescuer = Rescuer(bench.shop, REPO)
    look(rescuer, clock)
    look(rescuer, clock, seconds=29.9)
    assert bench.row(run).status == "running"
    look(rescuer, clock)
    assert bench.row(run).status == "queued"
    assert bench.said[0].startswith("run a: its worker has not been heard of since ")


@pytest.mark.parametrize("who", ["holder", "rescuer"])
def test_what_happens_to_a_run_between_look_and_grasp_counts(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock, who: str
) -> None:
    row = make_bench("dead", **DEAD).abandon()
    rescuer, other = Rescuer(bench.shop, REPO), make_bench("other")

    def be_quicker(_connection: object) -> None:
        if who == "rescuer":
            other.requeue(row)
            return
        with transaction(other.shop.engine) as connection:
            later = database_now(connection, clock) + timedelta(seconds=1)
            assert leases.renew(connection, {row.id: row.lease_term}, at=later) == {row.id}

    # The transaction that reads has ended when the pool has its connection again.
    sa.event.listen(bench.shop.engine, "checkin", lambda *_: be_quicker(None), once=True)
    look(rescuer, clock)
    assert bench.row(row.id).status == ("running" if who == "holder" else "queued")
    assert bench.row(row.id).rescue_count == 0
    assert (rescuer.pending, bench.said) == (1, [])


def test_a_run_that_survives_none_of_its_supervisors_ends(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    dead = make_bench("dead", **DEAD)
    rescuer = Rescuer(bench.shop, REPO)
    run = dead.add("a")
    for rescue in (1, 2, 3):
        dead.claim().release()
        look(rescuer, clock)
        assert (bench.row(run).status, bench.row(run).rescue_count) == ("queued", rescue)
    dead.claim().release()
    look(rescuer, clock)
    row, [*_, event] = bench.row(run), bench.events(run)
    reason = f"given up after 3 rescues: its supervisor (pid {DEAD['pid']} on {dead.shop.me.host}) is gone"
    assert (row.status, row.error, row.finished_at, row.rescue_count) == ("failed", reason, event.at, 3)
    assert (event.event, event.detail["reason"]) == ("failed", reason)
    assert bench.said[-1] == f"run a: {reason}"
    assert bench.session() == "failed"


def test_looking_is_done_from_time_to_time_only(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    rescuer = Rescuer(bench.shop, REPO)
    look(rescuer, clock)
    row = make_bench("dead", **DEAD).abandon()
    clock.seconds += LOOK_SECONDS - 0.1
    assert not rescuer.look(())
    assert bench.row(row.id).status == "running"
    look(rescuer, clock, seconds=0.1)
    assert bench.row(row.id).status == "queued"
