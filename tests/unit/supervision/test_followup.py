from collections.abc import Callable

from supervisor.model.states import RunStatus
from supervisor.store import runs
from supervisor.store.engine import transaction
from supervisor.store.runs import RunRow
from supervisor.supervision.control import changes
from supervisor.supervision.control.changes import Effect
from supervisor.supervision.control.followup import FollowUp
from supervisor.supervision.control.selection import resolve
from supervisor.supervision.presence import being_present
from support.bench import DEAD, Bench


def follow(bench: Bench, command: Callable[..., list[changes.Answer]], *names: str) -> FollowUp:
    with transaction(bench.shop.engine) as connection:
        targets = resolve(connection, "repo", names)
    return FollowUp(bench.shop, "repo", command(bench.shop, targets, actor="anna"))


def effects(followed: FollowUp) -> list[tuple[str, Effect, str | None]]:
    return [(one.row.run_id, one.effect, one.holder) for answer in followed.answers for one in answer.changes]


def test_what_a_dead_supervisor_was_at_is_cancelled_and_settled_here(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    dead = make_bench("dead", **DEAD)
    row = dead.abandon("a")
    bench.stage(row, "so far")
    bench.add("b")
    followed = follow(bench, changes.cancel, "session:s")
    assert [change.row.run_id for change in followed.pending] == ["a"]
    assert followed.answers[0].session == "running"
    followed.look()
    assert followed.answers[0].session == "cancelled", "with the last of its runs"
    assert effects(followed) == [("a", Effect.CANCELLED, None), ("b", Effect.CANCELLED, None)]
    assert (bench.row(row.id).error, bench.session()) == ("cancelled by anna", "cancelled")
    followed.tidy_up()
    assert bench.row(row.id).settled_at is not None
    assert bench.directory_of(row).manifest.exists()
    assert (bench.directory_of(row).staging(row.lease_term) / "output" / "a.tiff.txt").read_text() == "so far"


def test_what_somebody_else_has_asked_for_is_tidied_up_by_who_ends_it(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    row = make_bench("dead", **DEAD).abandon("a")
    follow(bench, changes.cancel, "a")
    followed = follow(bench, changes.cancel, "a")
    followed.look()
    assert effects(followed) == [("a", Effect.CANCELLED, None)]
    followed.tidy_up()
    assert bench.row(row.id).settled_at is not None


def test_what_a_dead_supervisor_was_at_is_paused_here(bench: Bench, make_bench: Callable[..., Bench]) -> None:
    row = make_bench("dead", **DEAD).abandon("a")
    followed = follow(bench, changes.pause, "session:s")
    followed.look()
    assert effects(followed) == [("a", Effect.PAUSED, None)]
    assert bench.row(row.id).status is RunStatus.QUEUED
    followed.tidy_up()


def test_what_a_supervisor_that_lives_is_at_is_left_to_it(bench: Bench, make_bench: Callable[..., Bench]) -> None:
    alive = make_bench("alive")
    alive.add("a")
    row = alive.claim().row
    with being_present(bench.shop.runs_directory, alive.shop.me.id):
        followed = follow(bench, changes.cancel, "a")
        followed.look()
    holder = f"pid {alive.shop.me.pid} on {alive.shop.me.host}"
    assert effects(followed) == [("a", Effect.CANCELLING, holder)]
    assert bench.row(row.id).status is RunStatus.RUNNING
    finish(alive, row, RunStatus.SUCCEEDED)
    followed.look()
    assert effects(followed) == [("a", Effect.ENDED, None)]
    assert not followed.answers[0].was_possible, "it was faster"
    assert not followed.pending


def finish(bench: Bench, row: RunRow, status: RunStatus) -> None:
    with transaction(bench.shop.engine) as connection:
        now = bench.shop.now(connection)
        assert runs.transition(connection, row, status, at=now, actor="x", event=status, values={"finished_at": now})
