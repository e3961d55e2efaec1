"""Pausing, cancelling and letting go on, as it is written down; `test_followup` is about what comes of it."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from supervisor.errors import HeldError
from supervisor.model.states import RunStatus
from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.tables import runs as table
from supervisor.supervision.control import changes
from supervisor.supervision.control.changes import Answer, Change, Effect
from supervisor.supervision.control.selection import Target, resolve
from support.bench import Bench


def targets(bench: Bench, *names: str) -> Sequence[Target]:
    with transaction(bench.shop.engine) as connection:
        return resolve(connection, "repo", names)


def pause(bench: Bench, *names: str) -> list[Answer]:
    return changes.pause(bench.shop, targets(bench, *names), actor="anna")


def cancel(bench: Bench, *names: str) -> list[Answer]:
    return changes.cancel(bench.shop, targets(bench, *names), actor="anna")


def go_on(bench: Bench, *names: str) -> list[Answer]:
    return changes.go_on(bench.shop, targets(bench, *names), actor="anna")


def came_to(answers: Sequence[Answer]) -> list[tuple[str, Effect, bool]]:
    return [(one.row.run_id, one.effect, one.changed) for answer in answers for one in answer.changes]


def the_change(answers: Sequence[Answer]) -> Change:
    (answer,) = answers
    (change,) = answer.changes
    return change


def end(bench: Bench, run: int, status: RunStatus) -> None:
    with transaction(bench.shop.engine) as connection:
        connection.execute(sa.update(table).where(table.c.id == run).values(status=status))


def test_what_is_queued_is_paused_and_resumed_at_once_and_once(bench: Bench) -> None:
    run = bench.add("a")
    assert came_to(pause(bench, "a")) == [("a", Effect.PAUSED, True)]
    assert came_to(pause(bench, "a")) == [("a", Effect.PAUSED, False)]
    assert bench.row(run).pause_requested_at is not None
    assert came_to(go_on(bench, "a")) == [("a", Effect.RESUMED, True)]
    assert came_to(go_on(bench, "a")) == [("a", Effect.RESUMED, False)]
    assert bench.row(run).pause_requested_at is None
    history = [(event.event, event.actor) for event in bench.events(run)]
    assert history == [("queued", "anna"), ("pause_requested", "anna"), ("resumed", "anna")]


def test_the_holder_of_what_is_running_is_asked_and_named(bench: Bench) -> None:
    run = bench.add("a")
    bench.claim()
    holder = f"pid {bench.shop.me.pid} on {bench.shop.me.host}"
    paused = the_change(pause(bench, "a"))
    assert (paused.effect, paused.changed, paused.holder) == (Effect.PAUSING, True, holder)
    cancelled = the_change(cancel(bench, "a"))
    assert (cancelled.effect, cancelled.changed, cancelled.holder) == (Effect.CANCELLING, True, holder)
    assert the_change(cancel(bench, "a")).changed is False
    assert the_change(pause(bench, "a")).effect is Effect.CANCELLING, "it is too late"
    row = bench.row(run)
    assert (row.status, row.cancel_requested_at is None, row.pause_requested_at is None) == ("running", False, False)


def test_what_is_queued_is_cancelled_at_once_and_its_session_with_the_last_one(bench: Bench) -> None:
    first, last = bench.add("a"), bench.add("b")
    assert came_to(cancel(bench, "a")) == [("a", Effect.CANCELLED, True)]
    assert bench.session() == "running"
    assert came_to(cancel(bench, "a", "b")) == [("a", Effect.CANCELLED, False), ("b", Effect.CANCELLED, True)]
    assert bench.session() == "cancelled"
    for run in (first, last):
        row = bench.row(run)
        assert (row.status, row.error) == ("cancelled", "cancelled by anna")
        assert row.finished_at is not None
        assert row.settled_at is not None, "nothing of it is anywhere"
    assert [event.event for event in bench.events(last)] == ["queued", "cancelled"]


def test_what_had_begun_is_settled_where_its_files_are(bench: Bench, database_kind: str) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    assignment.release()
    bench.requeue(assignment.row, claimed_by=None)
    assert the_change(cancel(bench, "a")).effect is Effect.CANCELLED
    assert (bench.row(run).settled_at is None) == (database_kind == "sqlite")


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED])
def test_for_what_has_ended_nothing_can_be_done(bench: Bench, status: RunStatus) -> None:
    end(bench, bench.add("a"), status)
    bench.add("b")
    for command in (pause, go_on, cancel):
        (ended,), (both,) = command(bench, "a"), command(bench, "session:s")
        assert came_to([ended]) == [("a", Effect.ENDED, False)]
        assert not ended.was_possible
        assert both.was_possible, "for the other run"


def test_a_session_rests_and_goes_on_with_all_its_runs(bench: Bench) -> None:
    run, by_itself = bench.add("a"), bench.add("b")
    pause(bench, "b")
    (paused,) = pause(bench, "night")
    assert came_to([paused]) == [("a", Effect.PAUSED, True), ("b", Effect.PAUSED, False)]
    assert (paused.session, bench.session(), bench.row(run).pause_requested_at) == ("paused", "paused", None)
    (resumed,) = go_on(bench, "night")
    assert came_to([resumed]) == [("a", Effect.RESUMED, True), ("b", Effect.RESUMED, True)]
    assert (resumed.session, bench.session()) == ("running", "running")
    assert bench.row(by_itself).pause_requested_at is None


def test_a_run_does_not_go_on_without_its_session_unless_nothing_else_is_left_of_that(bench: Bench) -> None:
    bench.add("a")
    other = bench.add("b")
    pause(bench, "a", "session:s")
    with pytest.raises(HeldError, match="run 'a' rests with its session 'night'") as caught:
        go_on(bench, "a")
    assert caught.value.hint == "supervisor resume session:s"
    assert bench.session() == "paused"
    assert came_to(go_on(bench, "a", "b")) == [("a", Effect.RESUMED, True), ("b", Effect.RESUMED, False)]
    pause(bench, "session:s")
    end(bench, other, RunStatus.SUCCEEDED)
    assert came_to(go_on(bench, "a")) == [("a", Effect.RESUMED, True)]
    assert bench.session() == "running"


def test_a_session_without_runs_can_be_paused_and_cancelled(bench: Bench) -> None:
    (paused,) = pause(bench, "night")
    (resumed,) = go_on(bench, "night")
    (cancelled,) = cancel(bench, "night")
    assert [paused.session, resumed.session, cancelled.session] == ["paused", "running", "cancelled"]
    assert cancelled.was_possible
    (late,) = pause(bench, "night")
    assert (late.session, late.changes) == ("cancelled", [])


def test_a_run_that_went_into_another_session_meanwhile_is_found_there(bench: Bench) -> None:
    run = bench.add("a")
    named = targets(bench, "a")
    bench.add_session("t")
    with transaction(bench.shop.engine) as connection:
        sessions.lock(connection, "s", "t")
        runs.move(connection, runs.get(connection, run), "t", at=bench.shop.now(connection), actor="bert")
    changes.cancel(bench.shop, named, actor="anna")
    assert (bench.row(run).status, bench.session("t")) == ("cancelled", "cancelled")
