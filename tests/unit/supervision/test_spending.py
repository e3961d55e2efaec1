"""What terms cost: in the history when they end, in the trace as its last event."""

import json
from datetime import timedelta

import pytest

from supervisor.artifacts.trace import ENDED, USED, Trace, read_trace
from supervisor.board.spending import TermEnd, last_end, spent
from supervisor.executor.messages import Used
from supervisor.model.resources import Resources
from supervisor.model.states import RunStatus
from supervisor.supervision.assignment import Ending
from supervisor.supervision.end import end
from supervisor.supervision.reap import INTERRUPTED
from supervisor.supervision.spending import close_trace, left_behind
from support.bench import Bench

SUCCEEDED = Ending(RunStatus.SUCCEEDED, "succeeded")
DIED = Ending(RunStatus.FAILED, "failed", "killed by signal 9", transient=True)


def test_an_attempt_costs_what_all_its_terms_do(bench: Bench) -> None:
    run = bench.add("a")
    for ending, used in ((INTERRUPTED, Used(1.5, 300)), (DIED, Used(2.0, 100)), (SUCCEEDED, Used(4.0, 200))):
        bench.make_due(run)
        assignment = bench.claim()
        assignment.used = used
        assert end(bench.shop, assignment, ending)
        assignment.release()
    events = bench.events(run)
    first, second = spent(events, 1), spent(events, 2)
    assert first is not None
    assert second is not None
    assert (first.cpu_seconds, first.peak_memory_bytes) == (3.5, 300)
    assert (second.cpu_seconds, second.peak_memory_bytes) == (4.0, 200)
    assert spent(events, 3) is None
    ended = last_end(events)
    assert ended is not None
    assert (ended.attempt, ended.lease_term, ended.outcome) == (2, 3, "succeeded")
    assert ended.attempt_resources == second


def test_times_are_counted_from_when_it_was_due_to_the_claim_and_on_to_the_end(bench: Bench) -> None:
    run = bench.add("a")
    bench.set(run, available_at=bench.row(run).created_at - timedelta(seconds=100))
    assert end(bench.shop, bench.claim(), SUCCEEDED)
    cost = spent(bench.events(run), 1)
    assert cost is not None
    assert 100 <= cost.queue_seconds < 110
    assert 0 <= cost.wall_seconds < 10
    # No executor has told anything.
    assert (cost.cpu_seconds, cost.peak_memory_bytes) == (None, None)


def test_a_rescuer_tells_what_the_trace_told_last_of_that_term(bench: Bench) -> None:
    row = bench.abandon()
    directory = bench.directory_of(row)
    assert row.heartbeat_at is not None
    assert left_behind(directory, row).wall_seconds == 0
    at = row.heartbeat_at + timedelta(seconds=7)
    for term, cpu, told in ((row.lease_term - 1, 7.0, None), (row.lease_term, 1.0, 1.0), (row.lease_term, 2.5, 2.5)):
        with Trace(directory.trace, run_id="a", attempt=1, lease_term=term) as trace:
            trace.event(USED, at, cpu_seconds=cpu, peak_memory_bytes=10)
            trace.event("page_recognised", at, document=USED)
        assert left_behind(directory, row).cpu_seconds == told
    found = left_behind(directory, row)
    assert (found.peak_memory_bytes, found.wall_seconds) == (10, pytest.approx(7, abs=0.01))


def test_the_trace_of_a_term_is_closed_once_and_never_that_of_another_attempt(bench: Bench) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    assignment.used = Used(1.5, 300)
    assert end(bench.shop, assignment, SUCCEEDED)
    ended, trace = last_end(bench.events(run)), bench.directory_of(assignment.row).trace
    assert ended is not None
    for _ in range(2):
        close_trace(bench.directory_of(assignment.row), ended)
        [line] = trace.read_text().splitlines()
    told = json.loads(line)
    assert (told["event"], told["attempt"], told["lease_term"], told["outcome"]) == (ENDED, 1, 1, "succeeded")
    assert Resources.from_json(told["resources"]) == ended.attempt_resources
    trace.unlink()
    with Trace(trace, run_id="a", attempt=2, lease_term=2) as newer:
        newer.event("attempt_started", ended.at)
    close_trace(bench.directory_of(assignment.row), ended)
    assert [event["event"] for event in read_trace(trace)] == ["attempt_started"]


USED_AT = '{"event": "resources_used", "attempt": 1, "lease_term": 1, "at": '


@pytest.mark.parametrize(
    "line",
    [
        USED_AT + "7}",
        USED_AT + '"yesterday"}',
        USED_AT + '"2026-11-21T20:00:00"}',
        USED_AT + '"2026-11-21T20:00:00Z", "cpu_seconds": "x", "peak_memory_bytes": [1]}',
        USED_AT + '"2026-11-21T20:00:00Z", "cpu_seconds": NaN, "peak_memory_bytes": 1e999}',
        USED_AT + "[" * 100_000,
        '{"event": "x", "at": "2026-11-21T20:00:00Z", "attempt": 1, "lease_term": "1"}',
        '{"event": ["x"], "at": "2026-11-21T20:00:00Z", "attempt": 1, "lease_term": null}',
    ],
)
def test_a_trace_that_was_spoilt_keeps_nobody_from_rescuing_a_run(bench: Bench, line: str) -> None:
    row = bench.abandon()
    directory = bench.directory_of(row)
    directory.trace.write_text(line + "\n")
    found = left_behind(directory, row)
    assert (found.cpu_seconds, found.peak_memory_bytes) == (None, None)
    ending = TermEnd(1, 1, row.available_at, "rescued", RunStatus.QUEUED, None, found)
    close_trace(directory, ending)
    assert [event["event"] for event in read_trace(directory.trace)][-1] == ENDED
