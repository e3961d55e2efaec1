"""Whatever stands in the tables: what one look shows is what counting row by row gives."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection, Engine

from supervisor.board.counts import DocumentCounts, PageCounts, SessionTotals, WorkerTotals, WorkTotals
from supervisor.board.overview import read_overview, read_runs
from supervisor.board.views import Overview, RunView
from supervisor.clock import SystemClock
from supervisor.model.states import ACTIVE, ENDED_SESSIONS, RunStatus, SessionStatus, WorkerStatus
from supervisor.store.engine import transaction
from supervisor.store.events import Event, record
from supervisor.store.moments import database_now
from supervisor.store.tables import control
from support import run_queue

CLOCK = SystemClock()
SOURCES = ("ocr", "text_layer", "cache", "blank", "skipped", "failed")
Row = sa.Row[Any]


class World:
    """Rows that could stand in the tables, and many that hardly could."""

    def __init__(self, connection: Connection, chance: random.Random) -> None:
        self.connection = connection
        self.chance = chance
        self.now = database_now(connection, CLOCK)
        self.claims: dict[str | None, list[int]] = defaultdict(list)
        self.sessions = [f"s{number}" for number in range(chance.randrange(6))]
        self.workers = [f"w-{number}" for number in range(chance.randrange(6))]
        for session in self.sessions:
            self._insert(
                "sessions", id=session, title=session, status=chance.choice(list(SessionStatus)), **self._ages()
            )
        if self.sessions:
            for number in range(chance.randrange(25)):
                self._run(number)
        self._add_workers()

    def _run(self, number: int) -> None:
        chance = self.chance
        status, session = chance.choice(list(RunStatus)), chance.choice(self.sessions)
        lane = chance.choice([None, "A", "B", f"only {number}"])
        if status is RunStatus.RUNNING and lane is not None:
            # The database itself lets no lane have two that are running.
            lane = f"only {number}"
        worker = chance.choice([None, *self.workers])
        claimed = status is not RunStatus.QUEUED or chance.random() < 0.3
        self._insert(
            "runs",
            id=number + 1,
            run_id=f"r{number}",
            session_id=session,
            lane=lane,
            status=status,
            attempt=1,
            commit_sha="c0ffee",
            repository=chance.choice(["repo", "repo", "another"]),
            spec={},
            available_at=self.now,
            claimed_by=worker if claimed else None,
            claimed_at=self.now - timedelta(seconds=chance.randrange(1000)) if claimed else None,
            finished_at=None if status in ACTIVE else self.now,
            pause_requested_at=chance.choice([None, None, self.now]),
            cancel_requested_at=chance.choice([None, None, self.now]),
            created_at=self.now,
        )
        self.claims[worker].append(number + 1)
        if chance.random() < 0.9:
            counts = {f"pages_{source}": chance.randrange(9) for source in SOURCES}
            documents = chance.randrange(9)
            self._insert(
                "run_progress",
                run=number + 1,
                stage=f"stage {number}",
                documents=documents,
                documents_opened=chance.randint(0, documents),
                documents_done=(done := chance.randint(0, documents)),
                documents_failed=chance.randint(0, done),
                pages=sum(counts.values()) + chance.randrange(9),
                updated_at=self.now - timedelta(seconds=chance.randrange(1000)),
                **counts,
            )
        for _ in range(chance.randrange(3)):
            happened = Event(number + 1, 1, 1, self.now, "anna", chance.choice("xyz"), None, None, {"reason": "so"})
            record(self.connection, happened)

    def _add_workers(self) -> None:
        chance = self.chance
        if self.workers:
            identity = {"id": "one", "host": "desk", "pid": 7, "process_started_at": 1.0, "version": "1"}
            others = {"desired_workers": 1, "heartbeat_at": self.now, "runs_directory": "/r", "lease_seconds": 60}
            self._insert("supervisors", **identity, **others)
        for worker in self.workers:
            self._insert(
                "workers",
                id=worker,
                supervisor_id="one",
                repositories=chance.choice([["repo"], ["another", "repo"], ["another"], []]),
                status=chance.choice(list(WorkerStatus)),
                current_run=chance.choice([None, chance.randrange(1, 26), *self.claims[worker]]),
                heartbeat_at=self.now - timedelta(seconds=chance.choice([0, 10, 20, 40, 90_000])),
                started_at=self.now,
                ended_at=chance.choice([None, None, self.now]),
            )

    def _ages(self) -> dict[str, Any]:
        done = self.chance.choice([None, 3])
        return {
            "created_at": self.now - timedelta(seconds=self.chance.randrange(5)),
            "progress_done": done,
            "progress_total": None if done is None else self.chance.choice([None, 9]),
        }

    def _insert(self, table: str, **values: object) -> None:
        self.connection.execute(sa.insert(control.tables[f"ops.{table}"]).values(values))


class Recount:
    """Every row of every table, and what it comes to."""

    def __init__(self, connection: Connection) -> None:
        def rows(name: str) -> Sequence[Row]:
            table = control.tables[f"ops.{name}"]
            return connection.execute(sa.select(table).order_by(*table.primary_key)).all()

        self.everywhere = rows("runs")
        self.runs = [row for row in self.everywhere if row.repository == "repo"]
        self.progress = {row.run: row for row in rows("run_progress")}
        used = {row.session_id for row in self.everywhere} - {row.session_id for row in self.runs}
        self.sessions = {row.id: row for row in rows("sessions") if row.id not in used}
        self.workers = [row for row in rows("workers") if "repo" in row.repositories]
        self.events = [row for row in rows("run_events") if row.run_id in {run.id for run in self.runs}]

    def of(self, session: str) -> list[Row]:
        return [row for row in self.runs if row.session_id == session]

    def count(self, runs: Sequence[Row], name: str) -> int:
        return sum(getattr(self.progress[run.id], name) for run in runs if run.id in self.progress)

    def documents(self, runs: Sequence[Row]) -> DocumentCounts:
        names = {"total": "documents", "opened": "documents_opened", "done": "documents_done"}
        names["failed"] = "documents_failed"
        return DocumentCounts(**{name: self.count(runs, column) for name, column in names.items()})

    def pages(self, runs: Sequence[Row]) -> PageCounts:
        counts = {source: self.count(runs, f"pages_{source}") for source in SOURCES}
        return PageCounts(found=self.count(runs, "pages"), **counts)

    def is_paused(self, run: Row) -> bool:
        rests = run.pause_requested_at is not None or self.sessions[run.session_id].status == "paused"
        return run.status in ACTIVE and rests

    def rate(self, runs: Sequence[Row], at: datetime) -> float | None:
        rates = [
            self.pages([run]).done / (at - run.claimed_at).total_seconds()
            for run in runs
            if run.status == "running" and run.id in self.progress and self.progress[run.id].updated_at > run.claimed_at
        ]
        return sum(rates) if rates else None

    def stage(self, run: Row) -> str:
        known = self.progress.get(run.id)
        if known is None:
            return str(run.status)
        return "claimed" if run.status == "running" and known.updated_at < run.claimed_at else str(known.stage)

    def worker_status(self, worker: Row, at: datetime) -> str:
        is_there = worker.ended_at is None and at - worker.heartbeat_at <= timedelta(seconds=30)
        return worker.status if is_there else "offline"


def check_sessions(seen: Overview, real: Recount) -> None:
    assert {one.id for one in seen.sessions} == set(real.sessions)
    order = [(one.status in ENDED_SESSIONS, -one.created_at.timestamp(), one.id) for one in seen.sessions]
    assert order == sorted(order)
    for one in seen.sessions:
        row, mine = real.sessions[one.id], real.of(one.id)
        assert one.runs == Counter(run.status for run in mine)
        assert one.paused_runs == sum(map(real.is_paused, mine))
        assert (one.documents, one.pages) == (real.documents(mine), real.pages(mine))
        assert (one.progress and (one.progress.done, one.progress.total)) == (
            None if row.progress_done is None else (row.progress_done, row.progress_total)
        )
        assert close(one.pages_per_second, real.rate(mine, seen.at))
        assert one.remaining_seconds is None or (one.remaining_seconds >= 0 and one.status == "running")
        assert {lane.name for lane in one.lanes} == {run.lane for run in mine}
        for lane in one.lanes:
            its = [run for run in mine if run.lane == lane.name]
            assert lane.running == [run.run_id for run in its if run.status == "running"]
            assert lane.queued == sum(run.status == "queued" for run in its)
            assert lane.ended == sum(run.status not in ACTIVE for run in its)


def check_workers(seen: Overview, real: Recount) -> None:
    there = [row for row in real.workers if row.ended_at is None and seen.at - row.heartbeat_at <= timedelta(days=1)]
    assert {one.id: one.status for one in seen.workers} == {row.id: real.worker_status(row, seen.at) for row in there}
    assert seen.summary.workers == WorkerTotals(**Counter(real.worker_status(row, seen.at) for row in there))
    for one in seen.workers:
        row = next(row for row in there if row.id == one.id)
        does = [
            run
            for run in real.everywhere
            if (run.id, run.claimed_by, run.status) == (row.current_run, row.id, RunStatus.RUNNING)
        ]
        assert (one.run_id, one.session_id) == ((does[0].run_id, does[0].session_id) if does else (None, None))
        assert one.pages == (real.pages(does) if does else None)
        assert one.stage == (real.stage(does[0]) if does else None)


def check_summary(seen: Overview, real: Recount) -> None:
    active = [run for run in real.runs if run.status in ACTIVE]
    everything, unfinished = real.documents(real.runs), real.documents(active)
    assert seen.summary.documents == WorkTotals(everything.done, everything.failed, unfinished.total - unfinished.done)
    pages, open_pages = real.pages(real.runs), real.pages(active)
    assert seen.summary.pages == WorkTotals(pages.done, pages.failed, open_pages.found - open_pages.done)
    unended = [row for row in real.sessions.values() if row.status not in ENDED_SESSIONS]
    assert seen.summary.sessions == SessionTotals(active=len(unended), total=len(real.sessions))
    running = [run for run in real.runs if run.status == "running"]
    assert close(seen.pages_per_second, real.rate(running, seen.at))
    assert seen.cache_share == real.pages(running).cache_share


def check_run(one: RunView, real: Recount) -> None:
    (run,) = (run for run in real.runs if run.id == one.row)
    assert (one.run_id, one.status, one.lane, one.worker) == (run.run_id, run.status, run.lane, run.claimed_by)
    assert (one.documents, one.pages) == (real.documents([run]), real.pages([run]))
    assert one.is_paused == real.is_paused(run)
    assert one.is_cancelled == (run.status in ACTIVE and run.cancel_requested_at is not None)
    assert one.stage == real.stage(run)


def close(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and abs(one - other) <= 1e-6 * max(one, other))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_look_is_a_recount(engine: Engine, seed: int) -> None:
    run_queue.empty(engine)
    with transaction(engine) as connection:
        World(connection, random.Random(seed))  # noqa: S311 (nothing is hidden by it)
        real = Recount(connection)
    seen = read_overview(engine, "repo", clock=CLOCK)
    check_sessions(seen, real)
    check_workers(seen, real)
    offline = read_overview(engine, "repo", clock=CLOCK, workers_status=WorkerStatus.OFFLINE).workers
    away = {row.id: "offline" for row in real.workers if real.worker_status(row, seen.at) == "offline"}
    assert {one.id: one.status for one in offline} == away
    check_summary(seen, real)
    named = {row.id: row.run_id for row in real.runs}
    newest = sorted(real.events, key=lambda row: row.id, reverse=True)[:20]
    assert [(one.run_id, one.event) for one in seen.events] == [(named[row.run_id], row.event) for row in newest]
    for session in real.sessions:
        found = read_runs(engine, "repo", session)
        assert [one.row for one in found] == [run.id for run in real.of(session)]
        for one in found:
            check_run(one, real)
