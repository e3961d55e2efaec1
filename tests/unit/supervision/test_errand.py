"""When a loop has done what it is there for, and what it knows of its runs meanwhile."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from supervisor.board.progress import RunProgress
from supervisor.executor.spec import SpecDocument
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.tables import sessions
from supervisor.supervision import errand
from supervisor.supervision.assignment import Ending
from supervisor.supervision.end import end
from supervisor.supervision.errand import NamedRuns, Queue
from supervisor.supervision.reap import GIVEN_BACK
from supervisor.supervision.rescue import LOOK_SECONDS, Rescuer
from support.bench import ELSEWHERE, SPEC, Bench
from support.clocks import HandClock

SUCCEEDED = Ending(RunStatus.SUCCEEDED, "succeeded")
FAILED = Ending(RunStatus.FAILED, "failed", "1 of 2 documents failed")
REPO = Scope(None, ["repo"])


def progress(run_id: str) -> RunProgress:
    return RunProgress(run_id, RunStatus.QUEUED, "queued", documents=2)


def told(bench: Bench) -> list[tuple[str, str, str, str | None]]:
    """Return what the observer was told since the last time."""
    found = [(one.run_id, one.status.value, one.stage, one.error) for one in bench.shown]
    bench.shown.clear()
    return found


def test_named_runs_are_followed_until_the_last_has_ended_wherever_they_are_executed(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    rows = {bench.add(name): progress(name) for name in "ab"}
    named, other = NamedRuns(bench.shop, rows), make_bench("other")
    assert named.goes_on()
    assert told(bench) == []
    first, second = other.claim(0), other.claim(1)
    assert named.goes_on()
    assert told(bench) == [
        ("a", "running", f"executing ({other.workers[0]})", None),
        ("b", "running", f"executing ({other.workers[1]})", None),
    ]
    end(other.shop, first, FAILED)
    assert named.goes_on()
    assert told(bench) == [("a", "failed", "failed", FAILED.reason)]
    other.requeue(second.row)
    assert named.goes_on()
    assert told(bench) == [("b", "queued", "queued", None)]
    second.release()
    end(other.shop, other.claim(1), SUCCEEDED)
    assert not named.goes_on()
    assert told(bench) == [("b", "succeeded", "succeeded", None)]
    assert not named.goes_on()
    assert told(bench) == [], "each change is told once"


def test_other_runs_do_not_keep_who_has_named_its_own(bench: Bench) -> None:
    run = bench.add("a")
    named = NamedRuns(bench.shop, {run: progress("a")})
    bench.add("b")
    end(bench.shop, bench.claim(), SUCCEEDED)
    assert not named.goes_on()


def test_what_is_known_of_a_named_run_is_kept_from_attempt_to_attempt(bench: Bench) -> None:
    run = bench.add("a")
    named = NamedRuns(bench.shop, {run: progress("a")})
    row = bench.claim().row
    assert named.progress_of(row) == progress("a")
    retrying = replace(progress("a"), documents_done=1, stage="retrying", error="killed by signal 9")
    named.note(run, retrying)
    assert named.progress_of(row) == retrying
    assert named.goes_on()
    assert [one.documents_done for one in bench.shown] == [1]
    named.note(run + 1, progress("z"))
    stranger = replace(row, id=run + 1, run_id="z")
    assert named.progress_of(stranger) == RunProgress("z", RunStatus.QUEUED, "queued", documents=0)


def test_a_queue_without_end_goes_on_when_nothing_is_there(bench: Bench) -> None:
    queue = Queue(bench.shop, REPO, Rescuer(bench.shop, REPO), once=False)
    assert queue.goes_on()


def test_a_queue_that_is_drained_once_is_done_when_nothing_waits_in_its_scope(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    queue = Queue(bench.shop, REPO, Rescuer(bench.shop, REPO), once=True)
    assert not queue.goes_on()
    bench.add("z", repository="another")
    assert not queue.goes_on()
    bench.add("a")
    assert queue.goes_on()
    claimed = bench.claim()
    assert not queue.goes_on()
    end(bench.shop, claimed, Ending(RunStatus.FAILED, "failed", "killed by signal 9", transient=True))
    assert queue.goes_on(), "it is not due yet, and will be"
    of_s = Queue(bench.shop, Scope("s", ["repo"]), Rescuer(bench.shop, REPO), once=True)
    of_t = Queue(bench.shop, Scope("t", ["repo"]), Rescuer(bench.shop, REPO), once=True)
    assert (of_s.goes_on(), of_t.goes_on()) == (True, False)
    with transaction(make_bench("other").shop.engine) as connection:
        connection.execute(sa.update(sessions).values(status=SessionStatus.PAUSED))
    assert not queue.goes_on(), "nobody may claim in a session that is paused"


def test_a_queue_that_is_drained_once_waits_for_runs_whose_holders_seem_to_be_gone(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    row = make_bench("there", **ELSEWHERE).abandon()
    rescuer = Rescuer(bench.shop, REPO)
    queue = Queue(bench.shop, REPO, rescuer, once=True)
    assert not queue.goes_on(), "another one is at it"
    bench.silence(row.id)
    assert rescuer.look([])
    assert queue.goes_on()
    clock.seconds += 30 + LOOK_SECONDS
    assert rescuer.look([])
    assert rescuer.pending == 0
    assert queue.goes_on(), "it is queued"
    end(bench.shop, bench.claim(), SUCCEEDED)
    assert not queue.goes_on()


def test_what_cannot_be_executed_here_does_not_keep_a_queue_from_being_drained(bench: Bench) -> None:
    queue = Queue(bench.shop, REPO, Rescuer(bench.shop, REPO), once=True)
    first, second = bench.add("a"), bench.add("b")
    queue.note(first, replace(progress("a"), stage=GIVEN_BACK))
    assert queue.goes_on()
    queue.note(second, replace(progress("b"), stage="retrying"))
    assert queue.goes_on()
    queue.note(second, replace(progress("b"), stage=GIVEN_BACK))
    assert not queue.goes_on()


def test_a_queue_knows_what_was_executed_here_in_the_order_of_first_claims(bench: Bench) -> None:
    queue = Queue(bench.shop, REPO, Rescuer(bench.shop, REPO), once=True)
    documents = [SpecDocument(path=f"{name}.tiff", blob_sha="b10b", job="books") for name in "xyz"]
    for name in "ab":
        bench.add(name, spec=replace(SPEC, documents=documents).to_json())
    first, second = bench.claim(0).row, bench.claim(1).row
    fresh = RunProgress("b", RunStatus.QUEUED, "queued", documents=3)
    assert queue.progress_of(second) == fresh
    assert queue.progress_of(first).run_id == "a"
    retrying = replace(fresh, documents_done=1)
    queue.note(second.id, retrying)
    assert queue.progress_of(second) == retrying
    assert queue.rows == [second.id, first.id]


@pytest.mark.parametrize(("once", "kept"), [(False, [2, 3]), (True, [1, 2, 3])])
def test_a_queue_without_end_forgets_what_was_long_ago(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, once: bool, kept: list[int]
) -> None:
    monkeypatch.setattr(errand, "REMEMBERED", 2)
    queue = Queue(bench.shop, REPO, Rescuer(bench.shop, REPO), once=once)
    row = bench.row(bench.add("a"))
    for number in (1, 2, 3):
        queue.progress_of(replace(row, id=number))
    assert queue.rows == kept
