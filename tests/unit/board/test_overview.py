"""What one look shows, case by case; `test_overview_recount.py` compares it with the tables in any case."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.board.counts import DocumentCounts, SessionTotals, WorkerTotals, WorkTotals
from supervisor.board.overview import read_overview, read_runs
from supervisor.board.slots import read_slots, with_slots
from supervisor.board.views import LaneView, Overview, SessionProgress, SlotsView
from supervisor.clock import SystemClock
from supervisor.model.states import RunStatus, SessionStatus, WorkerStatus
from supervisor.ocr.slots.machine import machine_budget
from supervisor.store import claims, intents, progress, runs, sessions, supervisors
from supervisor.store.claims import Scope
from supervisor.store.engine import snapshot, transaction
from supervisor.store.moments import database_now
from supervisor.store.progress import ProgressCounts
from supervisor.store.runs import RunRow
from supervisor.store.tables import run_progress, workers
from supervisor.store.tables import runs as runs_table
from supervisor.store.tables import sessions as sessions_table
from support import run_queue

CLOCK = SystemClock()


@pytest.fixture
def look(engine: Engine) -> Callable[..., Overview]:
    """Read how everything stands in repository `repo`."""

    def look(**which: Any) -> Overview:
        return read_overview(engine, "repo", clock=CLOCK, **which)

    return look


def queue(connection: Connection, run_id: str, session_id: str = "s", documents: int = 4, **others: Any) -> int:
    return run_queue.add_run(connection, run_id, session_id, spec={"documents": ["d"] * documents}, **others)


def claim(connection: Connection, worker_id: str, *, seconds_ago: float = 0) -> RunRow:
    row = claims.claim(connection, worker_id, CLOCK)
    assert row is not None
    claimed_at = database_now(connection, CLOCK) - timedelta(seconds=seconds_ago)
    connection.execute(sa.update(runs_table).where(runs_table.c.id == row.id).values(claimed_at=claimed_at))
    return row


def keep(connection: Connection, row: RunRow, stage: str = "recognising", **counts: int) -> bool:
    at = database_now(connection, CLOCK)
    return progress.keep(connection, row.id, row.lease_term, stage, ProgressCounts(**counts), at=at)


def silence(connection: Connection, worker_id: str, seconds: float) -> None:
    heard = database_now(connection, CLOCK) - timedelta(seconds=seconds)
    connection.execute(sa.update(workers).where(workers.c.id == worker_id).values(heartbeat_at=heard))


def test_nothing_is_there(look: Callable[..., Overview]) -> None:
    seen = look()
    assert (seen.sessions, seen.workers, seen.events) == ([], [], [])
    assert seen.summary.workers == WorkerTotals()
    assert seen.summary.sessions == SessionTotals()
    assert (seen.pages_per_second, seen.cache_share, seen.summary.workers.utilisation) == (None, None, None)


def test_a_session_with_lanes(engine: Engine, look: Callable[..., Overview]) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        run_queue.add_worker(connection, "w", Scope("s", ["repo"]))
        for name, lane in (("a", "A"), ("b", "A"), ("c", "B"), ("d", None)):
            queue(connection, name, lane=lane)
        row = claim(connection, "w", seconds_ago=60)
        assert keep(
            connection,
            row,
            documents=4,
            documents_opened=2,
            documents_done=1,
            documents_failed=1,
            pages=10,
            pages_ocr=3,
        )
        paused = runs.active(connection, "repo", "b")
        assert paused is not None
        intents.ask_to_pause(connection, paused, at=CLOCK.now(), actor="anna")
    seen = look()
    (session,) = seen.sessions
    assert (session.id, session.title, session.status) == ("s", "letters", SessionStatus.RUNNING)
    assert session.runs == {RunStatus.QUEUED: 3, RunStatus.RUNNING: 1}
    assert session.paused_runs == 1
    assert session.lanes == [
        LaneView("A", running=["a"], queued=1, ended=0),
        LaneView("B", running=[], queued=1, ended=0),
        LaneView(None, running=[], queued=1, ended=0),
    ]
    assert session.documents == DocumentCounts(total=16, opened=2, done=1, failed=1)
    assert (session.pages.found, session.pages.done, session.pages.cache_share) == (10, 3, 0.0)
    assert session.pages_per_second == pytest.approx(3 / 60, rel=0.1)
    # 7 pages of those documents that were opened, 2 of this run that were not, 8 of the runs that wait: 5 pages each.
    assert session.remaining_seconds == pytest.approx((7 + 10 * 5) * 60 / 3, rel=0.1)
    assert seen.summary.documents == WorkTotals(done=1, failed=1, queued=15)
    assert seen.summary.pages == WorkTotals(done=3, failed=0, queued=7)
    (worker,) = seen.workers
    assert (worker.status, worker.run_id, worker.session_id, worker.stage) == (
        WorkerStatus.BUSY,
        "a",
        "s",
        "recognising",
    )
    assert worker.documents == DocumentCounts(total=4, opened=2, done=1, failed=1)
    assert [(event.run_id, event.event) for event in seen.events[:2]] == [("b", "pause_requested"), ("a", "claimed")]
    assert seen.events[1].reason == "next in the queue (attempt 1, lease term 1)"


def test_what_is_not_known_is_not_guessed(engine: Engine, look: Callable[..., Overview]) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        queue(connection, "a")
    assert (look().sessions[0].pages_per_second, look().sessions[0].remaining_seconds) == (None, None)
    with transaction(engine) as connection:
        row = claim(connection, "w", seconds_ago=10)
        keep(connection, row, documents=4)
    assert (look().sessions[0].pages_per_second, look().sessions[0].remaining_seconds) == (0.0, None)
    with transaction(engine) as connection:
        keep(connection, row, documents=4, documents_opened=4, pages=40, pages_cache=30)
    assert look().sessions[0].remaining_seconds == pytest.approx(10 / 3, rel=0.1)
    with transaction(engine) as connection:
        sessions.pause(connection, "s")
    assert look().sessions[0].remaining_seconds is None, "nobody knows for how long it is paused"
    assert look().sessions[0].paused_runs == 1


def test_what_ended_tells_how_long_the_rest_takes(engine: Engine, look: Callable[..., Overview]) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        for name in "abcd":
            queue(connection, name)
        ended = claim(connection, "w", seconds_ago=100)
        keep(connection, ended, documents=4, documents_opened=4, documents_done=4, pages=20, pages_ocr=20)
        values = {"finished_at": database_now(connection, CLOCK) - timedelta(seconds=60)}
        at = database_now(connection, CLOCK)
        runs.transition(connection, ended, RunStatus.SUCCEEDED, at=at, actor="w", event="succeeded", values=values)
        for worker in ("w1", "w2"):
            claim(connection, worker)
    # 20 pages in 40 seconds; 3 runs of 4 documents with 5 pages each, and two go on at a time.
    (session,) = look().sessions
    assert session.remaining_seconds == pytest.approx(60 / (2 * 20 / 40), rel=0.01)
    assert session.pages_per_second is None


def test_whose_run_was_told_of_in_an_earlier_term_has_no_rate(engine: Engine, look: Callable[..., Overview]) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        queue(connection, "a")
        row = claim(connection, "w", seconds_ago=20)
        keep(connection, row, documents=4, documents_opened=4, pages=40, pages_ocr=30)
        at = database_now(connection, CLOCK)
        runs.transition(connection, row, RunStatus.QUEUED, at=at, actor="w", event="interrupted")
        claim(connection, "w")
    assert look().pages_per_second is None
    assert read_runs(engine, "repo", "s")[0].stage == "claimed"


def test_what_is_shown_can_be_chosen(engine: Engine, look: Callable[..., Overview]) -> None:
    with transaction(engine) as connection:
        for session_id in "stu":
            run_queue.add_session(connection, session_id)
        sessions.prepare(connection, "empty", "nothing yet", None, at=CLOCK.now())
        queue(connection, "a", "s", lane="A")
        queue(connection, "b", "s", lane="B", documents=3)
        queue(connection, "c", "t", lane="A")
        queue(connection, "elsewhere", "u", repository="another")
        sessions.end(connection, "t", SessionStatus.COMPLETED, at=CLOCK.now())
    assert [one.id for one in look().sessions] == ["empty", "s", "t"], "unfinished ones first, then the newest"
    assert [one.id for one in look(sessions_limit=2).sessions] == ["empty", "s"]
    assert [one.id for one in look(status=SessionStatus.COMPLETED).sessions] == ["t"]
    assert {one.run_id for one in look(status=SessionStatus.COMPLETED).events} == {"c"}
    assert [one.id for one in look(session_id="s").sessions] == ["s"]
    assert {one.run_id for one in look(session_id="s").events} == {"a", "b"}
    (only,) = look(lane="B").sessions
    assert (only.runs, only.documents.total, [lane.name for lane in only.lanes]) == ({RunStatus.QUEUED: 1}, 3, ["B"])
    assert {one.run_id for one in look(lane="B").events} == {"b"}
    assert len(look(events_limit=1).events) == 1
    assert {one.run_id for one in look().events} == {"a", "b", "c"}
    for which in ({"session_id": "s"}, {"lane": "B"}, {"status": SessionStatus.COMPLETED}):
        assert look(**which).summary == look().summary, "of everything"
    assert look().summary.sessions == SessionTotals(active=2, total=3)


def test_workers(engine: Engine, look: Callable[..., Overview]) -> None:
    silences: Mapping[str, float] = {"w-1": 5, "w-2": 31, "w-10": 0, "w-3": 2 * 86_400, "w-4": 0}
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        for name in silences:
            run_queue.add_worker(connection, name, Scope(None, ["another", "repo"]))
        run_queue.add_worker(connection, "other", Scope(None, ["another"]))
        queue(connection, "a")
        claim(connection, "w-10")
        supervisors.end_workers(connection, ["w-4"], at=CLOCK.now())
        for name, seconds in silences.items():
            silence(connection, name, seconds)
    seen = look()
    assert [one.id for one in seen.workers] == ["w-10", "w-1", "w-2"], "busy, idle, offline"
    assert seen.workers[1].heartbeat_age_seconds == pytest.approx(5, abs=2)
    assert seen.summary.workers == WorkerTotals(idle=1, busy=1, offline=1)
    assert (seen.summary.workers.total, seen.summary.workers.utilisation) == (3, 0.5)
    assert [one.id for one in look(workers_status=WorkerStatus.IDLE).workers] == ["w-1"]
    gone = look(workers_status=WorkerStatus.OFFLINE).workers
    assert [one.id for one in gone] == ["w-2", "w-4", "w-3"], "those that have ended, too"
    assert {one.status for one in gone} == {WorkerStatus.OFFLINE}
    assert [one.id for one in look(workers_limit=1).workers] == ["w-10"]


def test_a_worker_shows_no_run_that_another_has(engine: Engine, look: Callable[..., Overview]) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        for name in ("w-1", "w-2"):
            run_queue.add_worker(connection, name, Scope("s", ["repo"]))
        queue(connection, "a")
        row = claim(connection, "w-1")
        at = database_now(connection, CLOCK)
        values = {"claimed_by": None, "available_at": at}
        runs.transition(connection, row, RunStatus.QUEUED, at=at, actor="two", event="rescued", values=values)
        claim(connection, "w-2")
    assert {one.id: one.run_id for one in look().workers} == {"w-1": None, "w-2": "a"}


def test_work_that_is_no_run(engine: Engine, look: Callable[..., Overview]) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        told = {"progress_done": 3, "progress_total": None, "progress_note": "counting"}
        connection.execute(sa.update(sessions_table).values(told))
    assert look().sessions[0].progress == SessionProgress(3, None, "counting")


def test_runs_of_a_session(engine: Engine) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        for name in "ab":
            queue(connection, name)
        # As one that was queued by hand.
        connection.execute(sa.delete(run_progress).where(run_progress.c.run == queue(connection, "c")))
        row = claim(connection, "w")
        keep(connection, row, documents=4, documents_opened=1, pages=9, pages_blank=2)
        intents.ask_to_cancel(connection, row, at=CLOCK.now(), actor="anna")
    a, b, c = read_runs(engine, "repo", "s")
    assert (a.run_id, a.status, a.stage, a.worker, a.pages.blank, a.is_cancelled) == (
        "a",
        RunStatus.RUNNING,
        "recognising",
        "w",
        2,
        True,
    )
    assert (b.stage, b.documents.total, b.is_paused, b.worker) == ("queued", 4, False, None)
    assert (c.stage, c.documents.total) == ("queued", 0)
    with transaction(engine) as connection:
        sessions.pause(connection, "s")
    assert {one.is_paused for one in read_runs(engine, "repo", "s")} == {True}
    assert read_runs(engine, "another", "s") == []


def test_a_look_holds_up_nobody_and_sees_one_moment(engine: Engine, look: Callable[..., Overview]) -> None:
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
    with snapshot(engine) as connection:
        assert sessions.listed(connection)
        with transaction(engine) as other:
            queue(other, "a")
        assert connection.scalar(sa.select(sa.func.count()).select_from(runs_table)) == 0
    assert look().sessions[0].runs == {RunStatus.QUEUED: 1}


def test_a_look_takes_as_many_statements_whatever_there_is(engine: Engine, look: Callable[..., Overview]) -> None:
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    look()
    first = len(statements)
    with transaction(engine) as connection:
        for number in range(20):
            run_queue.add_session(connection, f"s{number}")
            run_queue.add_worker(connection, f"w{number}", Scope(f"s{number}", ["repo"]))
            queue(connection, f"r{number}", f"s{number}")
            claim(connection, f"w{number}")
    statements.clear()
    look()
    assert len(statements) == first <= 11


def test_slots(tmp_path_factory: pytest.TempPathFactory, look: Callable[..., Overview]) -> None:
    environment = {"SUPERVISOR_SLOTS_DIR": str(tmp_path_factory.mktemp("slots")), "SUPERVISOR_OCR_SLOTS": "3"}
    slot = machine_budget(environment).acquire(1000)
    assert slot is not None
    with slot:
        assert with_slots(look(), environment).slots == SlotsView(count=3, taken=1, waiting=0)
    assert read_slots(environment) == SlotsView(count=3, taken=0, waiting=0)
    (tmp := tmp_path_factory.mktemp("none") / "file").touch()
    assert read_slots({"SUPERVISOR_SLOTS_DIR": str(tmp / "beneath")}) is None
