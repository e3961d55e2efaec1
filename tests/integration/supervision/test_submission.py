"""Commands that name the same runs: at once, one after the other, and after the death of who named them first."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import runs, sessions, supervisors
from supervisor.store.engine import transaction
from supervisor.store.events import history
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs as runs_table
from supervisor.store.tables import sessions as sessions_table
from supervisor.store.tables import supervisors as supervisors_table
from supervisor.store.tables import workers as workers_table

SUBMITTER = Path(__file__).with_name("submitter.py")


class Submitter:
    """A supervisor process that submits what it is told to."""

    def __init__(self, url: str, runs_dir: Path) -> None:
        arguments = [sys.executable, str(SUBMITTER), url, str(runs_dir)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.answer() == "ready"

    def ask(self, *run_ids: str, **options: object) -> None:
        asked = {
            "commit": "c0ffee",
            "repository": "repo",
            "title": "night",
            "workers": 2,
            "claim": False,
            "begin": 0,
            **options,
        }
        assert self.process.stdin
        self.process.stdin.write(json.dumps({**asked, "run_ids": run_ids}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def submit(self, *run_ids: str, **options: object) -> Any:
        self.ask(*run_ids, **options)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def submitter(
    engine: Engine,  # noqa: ARG001 (it makes the tables)
    database_url: str,
    tmp_path: Path,
) -> Iterator[Callable[[], Submitter]]:
    started: list[Submitter] = []

    def start() -> Submitter:
        started.append(Submitter(database_url, tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def row_of(engine: Engine, run: int) -> RunRow:
    with transaction(engine) as connection:
        return runs.get(connection, run)


def events_of(engine: Engine, run: int) -> list[str]:
    with transaction(engine) as connection:
        return [event.event for event in history(connection, run)]


def session_of(engine: Engine, session_id: str) -> SessionStatus:
    with transaction(engine) as connection:
        return sessions.get(connection, session_id).status


def counts(engine: Engine) -> list[int | None]:
    tables = (runs_table, sessions_table, supervisors_table, workers_table)
    with transaction(engine) as connection:
        return [connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables]


def test_of_two_that_submit_a_run_at_once_exactly_one_wins(engine: Engine, submitter: Callable[[], Submitter]) -> None:
    racers = [submitter(), submitter()]
    for number in range(25):
        begin = time.monotonic() + 0.01
        for racer in racers:
            racer.ask(f"r{number}", f"s{number}", begin=begin)
        answers = {racer: racer.answer() for racer in racers}
        [winner] = [racer for racer, answer in answers.items() if "rows" in answer]
        [loser] = [racer for racer in racers if racer is not winner]
        assert f"run 'r{number}' is queued (pid {winner.process.pid} on " in answers[loser]["refused"]
        assert "nothing was started" in answers[loser]["refused"]
        assert answers[loser]["exit_code"] == 3
    assert counts(engine) == [50, 25, 25, 50]


def test_if_one_run_is_refused_none_starts(engine: Engine, submitter: Callable[[], Submitter]) -> None:
    first, second = submitter(), submitter()
    [row] = first.submit("b", claim=True)["rows"]
    before = counts(engine), row_of(engine, row)
    answer = second.submit("a", "b", "c")
    assert answer["refused"].startswith(f"run 'b' is running (pid {first.process.pid} on ")
    assert (counts(engine), row_of(engine, row)) == before
    assert "rows" in second.submit("a", "c")


def test_other_work_does_not_take_a_run_from_a_live_holder(submitter: Callable[[], Submitter]) -> None:
    submitter().submit("a")
    assert "refused" in submitter().submit("a", commit="decaf")


def test_repositories_are_apart(submitter: Callable[[], Submitter]) -> None:
    assert "rows" in submitter().submit("a")
    assert "rows" in submitter().submit("a", repository="another")


@pytest.mark.parametrize("claim", [False, True])
def test_what_a_dead_supervisor_left_is_continued(
    engine: Engine, submitter: Callable[[], Submitter], *, claim: bool
) -> None:
    dead = submitter()
    left = dead.submit("a", "b", claim=claim)
    dead.kill()
    before = [row_of(engine, row) for row in left["rows"]]
    heir = submitter()
    answer = heir.submit("b", "a")
    assert answer["session"] == left["session"]
    assert answer["rows"] == left["rows"][::-1]
    after = [row_of(engine, row) for row in left["rows"]]
    assert [replace(row, served_by=None) for row in after] == [replace(row, served_by=None) for row in before], (
        "rescue changes rows, not submission"
    )
    # The heir has not rescued them yet, and they are its own all the same.
    assert f"(pid {heir.process.pid} on " in submitter().submit("a")["refused"]


def test_a_supervisor_serves_what_it_was_asked_for_and_not_its_whole_session(
    submitter: Callable[[], Submitter],
) -> None:
    dead = submitter()
    left = dead.submit("a", "b")
    dead.kill()
    assert submitter().submit("a")["rows"] == left["rows"][:1]
    assert submitter().submit("b")["rows"] == left["rows"][1:]


def test_what_a_supervisor_left_queued_when_it_signed_off_is_continued(
    engine: Engine, submitter: Callable[[], Submitter]
) -> None:
    first = submitter()
    left = first.submit("a")
    with transaction(engine) as connection:
        me = runs.get(connection, left["rows"][0]).served_by
        assert me is not None
        supervisors.sign_off(connection, me, at=datetime.now(UTC))
    assert submitter().submit("a")["rows"] == left["rows"]


def test_other_work_supersedes_what_a_dead_supervisor_left(engine: Engine, submitter: Callable[[], Submitter]) -> None:
    dead = submitter()
    left = dead.submit("a", claim=True)
    dead.kill()
    answer = submitter().submit("a", commit="decaf")
    [old], [new] = left["rows"], answer["rows"]
    assert new != old
    assert answer["session"] != left["session"]
    superseded, made = row_of(engine, old), row_of(engine, new)
    assert (superseded.status, superseded.error) == (RunStatus.CANCELLED, "superseded")
    assert events_of(engine, old) == ["queued", "claimed", "superseded"]
    assert (made.status, made.attempt, made.lease_term, made.commit_sha) == (RunStatus.QUEUED, 2, 1, "decaf")
    assert session_of(engine, left["session"]) is SessionStatus.CANCELLED
    assert session_of(engine, answer["session"]) is SessionStatus.RUNNING


def test_a_session_whose_last_runs_go_on_elsewhere_has_ended(
    engine: Engine, submitter: Callable[[], Submitter]
) -> None:
    dead = submitter()
    left = dead.submit("a", "b", claim=True)
    dead.kill()
    with transaction(engine) as connection:
        row = runs.get(connection, left["rows"][0])
        assert row.started_at is not None
        runs.transition(connection, row, RunStatus.SUCCEEDED, at=row.started_at, actor="x", event="succeeded")
    answer = submitter().submit("b", "c")
    assert answer["session"] != left["session"]
    assert answer["rows"][0] == left["rows"][1]
    assert row_of(engine, left["rows"][1]).session_id == answer["session"]
    assert events_of(engine, left["rows"][1]) == ["queued", "claimed", "continued"]
    assert session_of(engine, answer["session"]) is SessionStatus.RUNNING
    assert session_of(engine, left["session"]) is SessionStatus.COMPLETED
