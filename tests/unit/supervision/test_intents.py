"""What becomes of runs that people cancel or pause: when they end, when they are rescued, when they are named again."""

from collections.abc import Callable

import pytest

from supervisor.board.history import read_history
from supervisor.model.intents import Intent
from supervisor.model.rescue import RESCUE_LIMIT
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import intents, sessions
from supervisor.store.claims import Scope
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.runs import RunRow
from supervisor.supervision.assignment import Ending
from supervisor.supervision.end import end
from supervisor.supervision.errand import NamedRuns, Queue
from supervisor.supervision.reap import CANCELLED, INTERRUPTED, PAUSED
from supervisor.supervision.rescue import LOOK_SECONDS, Rescuer
from supervisor.supervision.settle import settle
from support.bench import DEAD, Bench
from support.clocks import HandClock
from support.run_queue import lost_answers

SUCCEEDED = Ending(RunStatus.SUCCEEDED, "succeeded")
FAILED = Ending(RunStatus.FAILED, "failed", "broken")
DIED = Ending(RunStatus.FAILED, "failed", "the executor died", transient=True)
NOT_ENDED = Ending(RunStatus.QUEUED, "given back", "cannot be ended", worker_failed=True)


def ask(bench: Bench, row: RunRow, intent: Intent, *, actor: str = "anna") -> None:
    asked = {Intent.CANCEL: intents.ask_to_cancel, Intent.PAUSE: intents.ask_to_pause}[intent]
    with transaction(bench.shop.engine) as connection:
        assert asked(connection, row, at=bench.shop.now(connection), actor=actor)


def resume(bench: Bench, row: RunRow) -> None:
    with transaction(bench.shop.engine) as connection:
        assert intents.ask_to_go_on(connection, row, at=bench.shop.now(connection), actor="anna")


def pause_session(bench: Bench) -> None:
    with transaction(bench.shop.engine) as connection:
        assert sessions.pause(connection, "s")


def last_event(bench: Bench, run: int) -> tuple[str, str, object]:
    event = bench.events(run)[-1]
    return event.event, event.actor, event.detail["reason"]


@pytest.mark.parametrize("ending", [CANCELLED, INTERRUPTED, PAUSED, DIED, NOT_ENDED], ids=lambda one: one.event)
def test_what_would_go_back_to_the_queue_is_cancelled_if_that_is_wanted(bench: Bench, ending: Ending) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    bench.stage(assignment.row, "some text")
    ask(bench, assignment.row, Intent.CANCEL)
    assert end(bench.shop, assignment, ending)
    row = bench.row(run)
    assert (row.status, row.attempt, row.error) == (RunStatus.CANCELLED, 1, "cancelled by anna")
    assert row.finished_at is not None
    assert last_event(bench, run) == ("cancelled", bench.shop.me.id, "cancelled by anna")
    assert (bench.session(), bench.worker()[1]) == (SessionStatus.CANCELLED, None)
    assert (bench.shown[-1].status, bench.shown[-1].stage) == (RunStatus.CANCELLED, "cancelled")
    assert bench.output(row) is None, "nothing of it is published"


def test_who_has_cancelled_a_run_and_lost_the_answer_has_not_lost_the_run(bench: Bench) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    ask(bench, assignment.row, Intent.CANCEL)
    assignment.ending = INTERRUPTED
    with pytest.raises(DatabaseUnavailable), lost_answers(bench.shop.engine):
        end(bench.shop, assignment, assignment.ending)
    assert end(bench.shop, assignment, assignment.ending)
    assert [event.event for event in bench.events(run)] == ["queued", "claimed", "cancel_requested", "cancelled"]


@pytest.mark.parametrize("ending", [SUCCEEDED, FAILED], ids=lambda one: one.event)
@pytest.mark.parametrize("intent", Intent)
def test_what_ended_before_it_was_heard_ends_as_it_did(bench: Bench, ending: Ending, intent: Intent) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    bench.stage(assignment.row, "text")
    ask(bench, assignment.row, intent)
    assert end(bench.shop, assignment, ending)
    assert bench.row(run).status is ending.status
    assert bench.output(assignment.row) == "text"


def test_what_a_cancelled_run_has_staged_is_kept_and_shown(bench: Bench) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    bench.stage(assignment.row, "text so far")
    ask(bench, assignment.row, Intent.CANCEL)
    end(bench.shop, assignment, CANCELLED)
    settle(bench.shop, assignment.row)
    assert bench.row(run).settled_at is not None

    def staged(run: int) -> object:
        shop = bench.shop
        return read_history(shop.engine, shop.databases, shop.runs_directory, run).staged

    folder = bench.directory_of(assignment.row).staging(1) / "output"
    assert staged(run) == folder
    assert (folder / "a.tiff.txt").read_text() == "text so far"
    assignment.release()
    bench.add_session("t")
    assert staged(bench.add("a", session_id="t")) is None
    again = bench.claim()
    bench.stage(again.row, "all of it")
    end(bench.shop, again, SUCCEEDED)
    settle(bench.shop, again.row)
    assert bench.output(again.row) == "all of it"
    assert not folder.exists()


def test_a_paused_run_rests_in_the_queue_with_its_attempt(bench: Bench) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    ask(bench, assignment.row, Intent.PAUSE)
    assert end(bench.shop, assignment, PAUSED)
    row = bench.row(run)
    assert (row.status, row.attempt, row.claimed_by, row.error) == (RunStatus.QUEUED, 1, None, None)
    assert row.pause_requested_at is not None
    assert last_event(bench, run) == ("paused", bench.shop.me.id, "paused by anna")
    assert (bench.session(), bench.worker()) == (SessionStatus.RUNNING, ("idle", None))
    assert (bench.shown[-1].stage, bench.shown[-1].error) == ("paused", None)


def test_of_a_paused_session_it_is_said_and_of_a_pause_taken_back(bench: Bench) -> None:
    first, second = bench.add("a"), bench.add("b")
    one, other = bench.claim(0), bench.claim(1)
    pause_session(bench)
    end(bench.shop, one, PAUSED)
    assert last_event(bench, first)[2] == "its session is paused"
    with transaction(bench.shop.engine) as connection:
        sessions.resume(connection, "s", at=bench.shop.now(connection))
    end(bench.shop, other, PAUSED)
    assert last_event(bench, second)[2] == "paused, and resumed before it had stopped"


def test_a_retry_of_a_paused_run_waits_for_it_to_be_resumed(bench: Bench) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    ask(bench, assignment.row, Intent.PAUSE)
    end(bench.shop, assignment, DIED)
    row = bench.row(run)
    assert (row.status, row.attempt) == (RunStatus.QUEUED, 2)
    assert row.pause_requested_at is not None


@pytest.mark.parametrize("rescues", [0, RESCUE_LIMIT])
def test_a_rescued_run_that_is_to_be_cancelled_is(bench: Bench, make_bench: Callable[..., Bench], rescues: int) -> None:
    row = make_bench("dead", **DEAD).abandon("a")
    bench.set(row.id, rescue_count=rescues)
    ask(bench, row, Intent.CANCEL, actor="bert")
    assert Rescuer(bench.shop, Scope("s", ["repo"])).look([])
    found = bench.row(row.id)
    assert (found.status, found.rescue_count, found.error) == (RunStatus.CANCELLED, rescues, "cancelled by bert")
    event, actor, why = last_event(bench, row.id)
    assert (event, actor) == ("cancelled", bench.shop.me.id)
    assert str(why).startswith("cancelled by bert; its supervisor (pid")
    assert bench.session() == SessionStatus.CANCELLED
    assert bench.said[-1].endswith("is gone; cancelled by bert")


def test_a_rescued_run_that_is_to_be_paused_rests(
    bench: Bench, make_bench: Callable[..., Bench], clock: HandClock
) -> None:
    row = make_bench("dead", **DEAD).abandon("a")
    bench.add_session("ours")
    ask(bench, row, Intent.PAUSE)
    rescuer = Rescuer(bench.shop, Scope("ours", ["repo"]), [row.id])
    assert rescuer.look([])
    found = bench.row(row.id)
    assert (found.status, found.session_id, found.rescue_count) == (RunStatus.QUEUED, "s", 1)
    assert bench.said[-1].endswith("is gone; it rests, paused")
    resume(bench, row)
    clock.seconds += LOOK_SECONDS
    assert rescuer.look([])
    assert bench.row(row.id).session_id == "ours", "now our workers may find it"


def test_a_paused_run_is_waited_for_by_who_named_it_alone(bench: Bench) -> None:
    run = bench.add("a")
    scope = Scope(None, ["repo"])
    named = NamedRuns(bench.shop, {run: bench.progress("a")})
    once = Queue(bench.shop, scope, Rescuer(bench.shop, scope), once=True)
    assert once.goes_on()
    ask(bench, bench.row(run), Intent.PAUSE)
    assert (named.goes_on(), once.goes_on()) == (True, False)
    assert [(one.status, one.stage, one.resume) for one in bench.shown] == [(RunStatus.QUEUED, "paused", "a")]
    assert named.goes_on()
    assert len(bench.shown) == 1, "that is said once"
    pause_session(bench)
    assert named.goes_on()
    assert (bench.shown[-1].stage, bench.shown[-1].resume) == ("paused", "session:s")
    with transaction(bench.shop.engine) as connection:
        sessions.resume(connection, "s", at=bench.shop.now(connection))
    resume(bench, bench.row(run))
    assert (named.goes_on(), once.goes_on()) == (True, True)
    assert bench.shown[-1].stage == "queued"


def test_a_session_whose_runs_all_rest_goes_on(bench: Bench) -> None:
    rest, last = bench.add("a"), bench.add("b")
    ask(bench, bench.row(rest), Intent.PAUSE)
    assignment = bench.claim()
    assert assignment.row.id == last
    end(bench.shop, assignment, SUCCEEDED)
    assert bench.session() == SessionStatus.RUNNING
