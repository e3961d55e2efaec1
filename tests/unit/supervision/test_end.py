"""What the end of an attempt changes: all of it, once, or nothing."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from supervisor.model.states import RunStatus
from supervisor.store import leases
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.results import AttemptKey, StoredDocument
from supervisor.supervision.assignment import Assignment, Ending
from supervisor.supervision.end import end
from supervisor.supervision.reap import GIVEN_BACK, INTERRUPTED
from support.bench import Bench
from support.run_queue import lost_answers

SUCCEEDED = Ending(RunStatus.SUCCEEDED, "succeeded")
FAILED = Ending(RunStatus.FAILED, "failed", "1 of 2 documents failed")
DIED = Ending(RunStatus.FAILED, "failed", "killed by signal 9", transient=True)


@pytest.fixture
def executed(bench: Bench) -> Assignment:
    """A run that has staged its results, and has older ones; another one waits in its session."""
    bench.add("a")
    assignment = bench.claim()
    bench.stage(assignment.row, "new")
    bench.directory_of(assignment.row).output.mkdir()
    (bench.directory_of(assignment.row).output / "a.tiff.txt").write_text("old")
    assignment.progress = replace(assignment.progress, documents_done=2, pages_done={"ocr": 1})
    return assignment


@pytest.mark.parametrize(("ending", "session"), [(SUCCEEDED, "completed"), (FAILED, "failed")])
def test_an_end_publishes_and_is_told_everywhere(
    bench: Bench, executed: Assignment, ending: Ending, session: str
) -> None:
    assert bench.worker() == ("busy", executed.row.id)
    assert end(bench.shop, executed, ending)
    row, [*_, event] = bench.row(executed.row.id), bench.events(executed.row.id)
    assert (row.status, row.error, row.attempt, row.retry_count) == (ending.status, ending.reason, 1, 0)
    assert row.finished_at == event.at
    assert (event.event, event.actor, event.lease_term) == (ending.event, bench.shop.me.id, 1)
    assert event.detail["reason"] == (ending.reason or "2 documents, 1 page: 1 recognised")
    assert bench.output(row) == "new"
    assert bench.session() == session
    assert bench.worker() == ("idle", None)
    assert [(shown.status, shown.error) for shown in bench.shown] == [(ending.status, ending.reason)]


def test_an_end_is_not_that_of_a_session_with_other_runs(bench: Bench, executed: Assignment) -> None:
    bench.add("b")
    assert end(bench.shop, executed, FAILED)
    assert bench.session() == "running"


def test_what_can_pass_is_tried_again_later_and_later_and_then_no_more(bench: Bench, executed: Assignment) -> None:
    for retry in (1, 2, 3):
        assert end(bench.shop, executed, DIED)
        row, [*_, event] = bench.row(executed.row.id), bench.events(executed.row.id)
        assert (row.status, row.attempt, row.retry_count, row.claimed_by) == ("queued", retry + 1, retry, None)
        assert (row.error, row.finished_at) == (DIED.reason, None)
        assert (event.event, event.attempt, event.lease_term) == ("retrying", retry + 1, retry)
        assert event.detail["reason"] == DIED.reason
        longest = 2**retry
        assert longest / 2 <= (row.available_at - event.at).total_seconds() <= longest
        assert (bench.output(row), bench.session(), bench.worker()) == ("old", "running", ("idle", None))
        executed.release()
        bench.make_due(row.id)
        executed = bench.claim()
        bench.stage(executed.row, "newer")
    assert end(bench.shop, executed, DIED)
    row = bench.row(executed.row.id)
    assert (row.status, row.attempt, row.retry_count, row.error) == ("failed", 4, 3, DIED.reason)
    assert (bench.output(row), bench.session()) == ("newer", "failed")


def test_who_wants_no_retries_gets_none(bench: Bench) -> None:
    run = bench.add("a", max_retries=0)
    assert end(bench.shop, bench.claim(), DIED)
    assert (bench.row(run).status, bench.row(run).attempt) == ("failed", 1)


def test_what_was_interrupted_goes_on_at_once_as_the_same_attempt(bench: Bench, executed: Assignment) -> None:
    assert end(bench.shop, executed, INTERRUPTED)
    row, [*_, event] = bench.row(executed.row.id), bench.events(executed.row.id)
    assert (row.status, row.attempt, row.retry_count, row.claimed_by, row.error) == ("queued", 1, 0, None, None)
    assert row.available_at == event.at
    assert (event.event, bench.output(row), bench.session()) == ("interrupted", "old", "running")
    assert bench.shown[-1].error is None


def test_what_is_given_back_rests_and_people_are_told(bench: Bench, executed: Assignment) -> None:
    ending = Ending(RunStatus.QUEUED, GIVEN_BACK, "there is no such commit here", delay_seconds=30)
    assert end(bench.shop, executed, ending)
    row, [*_, event] = bench.row(executed.row.id), bench.events(executed.row.id)
    assert (row.status, row.attempt, (row.available_at - event.at).total_seconds()) == ("queued", 1, 30)
    assert bench.said == ["run a: there is no such commit here; trying again in 30 s"]


def test_a_worker_that_something_is_the_matter_with_says_so(bench: Bench, executed: Assignment) -> None:
    assert end(bench.shop, executed, replace(FAILED, worker_failed=True))
    assert bench.worker() == ("error", None)


def test_results_that_cannot_be_published_are_a_failure_and_the_older_ones_stay(
    bench: Bench, executed: Assignment
) -> None:
    (bench.directory_of(executed.row).root / ".staging" / "retired").write_text("in the way")
    assert end(bench.shop, executed, SUCCEEDED)
    row = bench.row(executed.row.id)
    assert row.status == "failed"
    assert row.error is not None
    assert row.error.startswith("the results cannot be published: ")
    assert (bench.events(row.id)[-1].event, bench.output(row), bench.session()) == ("failed", "old", "failed")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_file_of_a_run_is_complete_before_the_run_has_ended(bench: Bench, executed: Assignment) -> None:
    row, path = executed.row, bench.directory_of(executed.row).database
    store = bench.shop.databases.open_results(row.run_id)
    key = AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)
    store.take_over(key, row.owner)
    store.begin(key, [StoredDocument("a.tiff", "b10b", "books", None, None, None)])
    reader = sqlite3.connect(path)  # without it, the last one to close the file would do the same
    assert reader.execute("SELECT count(*) FROM documents").fetchone() == (1,)
    store.close()
    assert end(bench.shop, executed, SUCCEEDED)
    path.with_name("alone.db").write_bytes(path.read_bytes())
    alone = sqlite3.connect(path.with_name("alone.db"))
    assert alone.execute("SELECT path FROM documents").fetchall() == [("a.tiff",)]
    alone.close()
    reader.close()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_damaged_file_of_a_run_is_a_failure(bench: Bench, executed: Assignment) -> None:
    bench.directory_of(executed.row).database.write_bytes(b"damaged" * 1000)
    assert end(bench.shop, executed, SUCCEEDED)
    row = bench.row(executed.row.id)
    assert row.status == "failed"
    assert row.error is not None
    assert row.error.startswith("the results cannot be published: database ")


@pytest.mark.parametrize("ending", [SUCCEEDED, FAILED, DIED, INTERRUPTED])
@pytest.mark.parametrize("is_claimed_again", [False, True])
def test_who_has_lost_the_run_changes_nothing_but_its_own_worker(
    bench: Bench, make_bench: Callable[..., Bench], executed: Assignment, ending: Ending, *, is_claimed_again: bool
) -> None:
    heir = make_bench("heir")
    bench.requeue(executed.row)
    if is_claimed_again:
        executed.release()
        heir.claim()
    before = bench.row(executed.row.id), bench.events(executed.row.id), bench.session(), heir.worker()
    assert not end(bench.shop, executed, ending)
    assert (bench.row(executed.row.id), bench.events(executed.row.id), bench.session(), heir.worker()) == before
    assert bench.output(executed.row) == "old"
    assert bench.worker() == ("idle", None)
    assert bench.shown == bench.said == []


@pytest.mark.parametrize(
    ("ending", "event", "output"),
    [(SUCCEEDED, "succeeded", "new"), (FAILED, "failed", "new"), (DIED, "retrying", "old")],
)
def test_an_end_whose_answer_was_lost_is_made_once(
    bench: Bench, executed: Assignment, ending: Ending, event: str, output: str
) -> None:
    with lost_answers(bench.shop.engine), pytest.raises(DatabaseUnavailable):
        end(bench.shop, executed, ending)
    assert bench.shown == [], "nobody knows yet"
    before = bench.row(executed.row.id), bench.events(executed.row.id), bench.session()
    assert end(bench.shop, executed, ending)
    assert (bench.row(executed.row.id), bench.events(executed.row.id), bench.session()) == before
    assert [one.event for one in before[1]] == ["queued", "claimed", event]
    assert bench.output(executed.row) == output
    assert len(bench.shown) == 1


def test_a_retry_whose_answer_was_lost_leaves_who_claimed_it_since_alone(
    bench: Bench, make_bench: Callable[..., Bench], executed: Assignment
) -> None:
    with lost_answers(bench.shop.engine), pytest.raises(DatabaseUnavailable):
        end(bench.shop, executed, DIED)
    heir = make_bench("heir")
    executed.release()
    bench.make_due(executed.row.id)
    again = heir.claim().row
    assert end(bench.shop, executed, DIED), "it was ours to change, and is changed"
    assert bench.row(again.id) == again
    assert heir.worker() == ("busy", again.id)
    assert bench.output(again) == "old"


@pytest.fixture(scope="module")
def at_every_rename() -> list[Callable[[], None]]:
    """What is called just before a file or a directory is renamed."""
    called: list[Callable[[], None]] = []

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if event == "os.rename":
            for one in called:
                one()

    sys.addaudithook(hook)  # cannot be taken away again; it does nothing where the list is empty
    return called


@contextmanager
def at_the_first(calls: list[Callable[[], None]], act: Callable[[], object]) -> Iterator[None]:
    def call() -> None:
        calls.clear()
        act()

    calls.append(call)
    yield
    assert calls == [], "it never came to that"


def test_nobody_takes_a_run_while_its_results_are_being_published(
    bench: Bench, executed: Assignment, at_every_rename: list[Callable[[], None]]
) -> None:
    other = open_engine(bench.shop.databases.control_url)
    rescuing: list[Future[bool]] = []

    def rescue() -> bool:
        with transaction(other) as connection:
            return leases.is_unchanged(connection, executed.row)

    with ThreadPoolExecutor() as threads:

        def see_it_wait() -> None:
            rescuing.append(threads.submit(rescue))
            with pytest.raises(TimeoutError):
                rescuing[0].result(timeout=0.3)

        with at_the_first(at_every_rename, see_it_wait):
            assert end(bench.shop, executed, SUCCEEDED)
        assert not rescuing[0].result(timeout=30)
    other.dispose()
