"""What is left in order when the runs of a command have ended, wherever they were executed."""

from collections.abc import Callable

from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import intents
from supervisor.store.engine import transaction
from supervisor.supervision.execution import execute_submission
from supervisor.supervision.planning.planner import PlannedRun
from supervisor.supervision.submission import Submission
from support.bench import DEAD, SPEC, Bench


def test_a_session_that_was_made_for_a_run_which_ends_in_another_does_not_go_on_for_ever(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    dead = make_bench("dead", **DEAD)
    row = dead.abandon("a")
    bench.add_session("ours")
    with transaction(bench.shop.engine) as connection:
        assert intents.ask_to_cancel(connection, row, at=bench.shop.now(connection), actor="anna")
    planned = [PlannedRun("a", row.commit_sha, SPEC)]
    assert execute_submission(bench.shop, "repo", planned, Submission("ours", bench.workers, [row.id])) is None
    assert bench.row(row.id).status is RunStatus.CANCELLED
    assert (bench.session("ours"), bench.session("s")) == (SessionStatus.COMPLETED, SessionStatus.CANCELLED)
