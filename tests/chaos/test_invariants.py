"""The harness itself: plans can be made again, and each invariant is noticed where it does not hold."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chaos import invariants
from chaos.archive import Archive
from chaos.databases import SqliteRows
from chaos.ledger import Ledger
from chaos.plan import KINDS, kinds_like, make_plan

RECOGNISED = {
    "event": "page_recognised",
    "at": "2026-11-21T22:00:00.000+00:00",
    "run_id": "a",
    "attempt": 1,
    "lease_term": 1,
    "document": "a.png",
    "page_number": 1,
    "duration_ms": 500,
    "word_count": 3,
    "mean_confidence": 95.0,
    "because": "new",
    "error": None,
}
STORED = ("a", 1, "a.png", 1)
HISTORY = [
    (1, "queued", None, "queued", 1, 0),
    (1, "claimed", "queued", "running", 1, 1),
    (1, "continued", None, None, 1, 1),
    (1, "retrying", "running", "queued", 2, 1),
    (1, "claimed", "queued", "running", 2, 2),
    (1, "succeeded", "running", "succeeded", 2, 2),
]


@dataclass
class Rows:
    """What a database would answer, by the table that is asked for."""

    tables: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def control(self, query: str) -> list[tuple[Any, ...]]:
        return self.tables.get(re.split(r" FROM (\w+)", query)[1], [])

    results = control


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path)
    for path in (made.top / ".git", made.home, made.temporary, made.slots, made.runs.root):
        path.mkdir(parents=True)
    (made.top / ".git" / "supervisor-metadata.lock").touch()
    yield made
    made.kill_all()


def test_a_seed_makes_the_same_plan_again() -> None:
    assert make_plan(7, "postgres") == make_plan(7, "postgres")
    assert make_plan(7, "postgres") != make_plan(8, "postgres")


def test_every_kind_is_drawn_where_it_can_happen() -> None:
    drawn = {name: set() for name in ("sqlite", "postgres")}
    for seed in range(600):
        for name, kinds in drawn.items():
            kinds.update(fault.kind.name for fault in make_plan(seed, name).faults)
    assert drawn["postgres"] == set(KINDS)
    assert drawn["sqlite"] == {name for name, kind in KINDS.items() if kind.database is None}


def test_kinds_are_chosen_by_how_their_names_begin() -> None:
    assert {kind.name for kind in kinds_like("executor")} == {
        "executor-kill",
        "executor-term",
        "executor-stop",
        "executor-leave-stopped",
    }
    assert [kind.name for kind in kinds_like("*-fill")] == ["disk-fill"]
    with pytest.raises(ValueError, match="no kind of fault like 'exec'"):
        kinds_like("exec")
    with pytest.raises(ValueError, match="none of these faults can happen with sqlite"):
        make_plan(1, "sqlite", kinds_like("postmaster"))


def test_a_page_that_is_recognised_after_it_was_stored(archive: Archive) -> None:
    rows, trace = Rows(), archive.runs.run("a").trace
    trace.parent.mkdir()
    ledger = Ledger(archive, rows)
    # Not stored yet when its executor was killed: again is right.
    for moment in range(2):
        with trace.open("a") as file:
            file.write(f"{json.dumps({**RECOGNISED, 'duration_ms': moment})}\n")
        ledger.look()
    rows.tables["pages"] = [STORED]
    ledger.look()
    assert ledger.repeated() == []
    with trace.open("a") as file:
        file.write(f"{json.dumps({**RECOGNISED, 'duration_ms': 3})}\n")
    ledger.look()
    (wrong,) = ledger.repeated()
    assert "was recognised 3 times, 2 of them before it was seen to be stored" in wrong


def test_a_page_of_the_next_attempt_is_another_one(archive: Archive) -> None:
    trace = archive.runs.run("a").trace
    trace.parent.mkdir()
    ledger = Ledger(archive, Rows({"pages": [STORED]}))
    for attempt in (1, 2):
        trace.write_text(f"{json.dumps({**RECOGNISED, 'attempt': attempt})}\n")
        ledger.look()
    assert (ledger.repeated(), ledger.recognised.total()) == ([], 2)


def test_a_page_that_nobody_recognised(archive: Archive) -> None:
    ledger = Ledger(archive, Rows({"pages": [STORED]}))
    ledger.look()
    (wrong,) = ledger.repeated()
    assert wrong.endswith("is stored and was never recognised")


def test_a_process_that_is_left(archive: Archive) -> None:
    assert invariants.check_processes(archive) == []
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=archive.environment()) as left:
        (wrong,) = invariants.check_processes(archive)
        assert str(left.pid) in wrong


def test_a_lock_that_is_held(archive: Archive) -> None:
    lock = archive.runs.root / ".locks" / "a.lock"
    lock.parent.mkdir()
    lock.touch()
    assert invariants.check_locks(archive) == []
    with subprocess.Popen(["flock", lock, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(b"held\n")
        holder.stdin.flush()
        holder.stdout.readline()
        assert invariants.check_locks(archive) == [f"somebody holds {lock}"]
        holder.stdin.close()


@pytest.mark.parametrize(
    "name",
    [
        "archive/.autonomous_runs/a/.staging/1/x",
        "archive/.autonomous_runs/a/.run.json.x",
        "archive/.autonomous_runs/a/a.db-wal",
        "archive/.autonomous_runs/workspaces/a/x",
        "archive/.autonomous_runs/.locks/a.json",
        "archive/.git/worktrees/a/x",
        "archive/.git/index.lock",
        "tmp/pymp-x/listener",
    ],
)
def test_a_file_that_is_left(name: str, archive: Archive) -> None:
    for usual in ("a/a.db", "a/output/a/x.txt", "a/logs/executor.log", ".locks/a.lock", ".workspace_leases/0f.lock"):
        (archive.runs.root / usual).parent.mkdir(parents=True, exist_ok=True)
        (archive.runs.root / usual).touch()
    assert invariants.check_files(archive) == []
    left = archive.folder / name
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    (wrong,) = invariants.check_files(archive)
    assert str(left).startswith(wrong.removeprefix("a file is left: "))


def test_what_is_left_in_memory(tmp_path: Path) -> None:
    (tmp_path / "sem.x").touch()
    (tmp_path / "tesseract.json").touch()
    wrong = invariants.check_memory([tmp_path / "sem.x", tmp_path / "gone", tmp_path / "tesseract.json"])
    assert wrong == [f"a file is left in memory: {tmp_path / 'sem.x'}"]


def test_an_exit_code_that_no_fault_explains() -> None:
    assert invariants.check_codes([-9, 143, 0], [KINDS["supervisor-kill"], KINDS["supervisor-term"]]) == []
    (wrong,) = invariants.check_codes([-9, 70, 0], [KINDS["supervisor-kill"]])
    assert wrong.startswith("a command ended with 70;")


def test_texts_that_are_others() -> None:
    assert invariants.check_outputs({"a": b"1", "b": b"2"}, {"a": b"x", "c": b"3"}) == [
        "a is another",
        "b is missing",
        "c is superfluous",
    ]


def test_a_traceback_on_the_screen_or_in_a_log(archive: Archive) -> None:
    log = archive.runs.run("b").log
    log.parent.mkdir(parents=True)
    log.write_text("INFO started\n")
    assert invariants.check_words(archive) == []
    log.write_text("ERROR x\nTraceback (most recent call last):\n")
    assert invariants.check_words(archive) == [f"{log} has a traceback"]


def test_runs_that_did_not_end_well() -> None:
    runs = [(run_id, "succeeded", "now") for run_id in "abc"]
    assert list(invariants.check_runs(Rows({"runs": runs}))) == []
    rows = Rows(
        {
            "runs": [("a", "succeeded", None), ("b", "failed", "now"), ("c", "succeeded", "now")],
            "sessions": [("night", "running")],
            "file_locks": [("a.png", "a")],
            "workers": [("w", 1)],
        }
    )
    assert list(invariants.check_runs(rows)) == [
        "run b is failed",
        "run a, which is succeeded, was not settled",
        "session night is running and has not finished",
        "run a holds a file lock on a.png",
        "worker w is busy with run 1",
    ]


@pytest.mark.parametrize(
    ("place", "event", "wrong"),
    [
        (0, (1, "queued", "running", "queued", 1, 0), "does not lead from nothing to succeeded"),
        (5, (1, "failed", "running", "failed", 2, 2), "does not lead from nothing to succeeded"),
        (1, (1, "claimed", "running", "running", 1, 1), "no step leads from queued to claimed"),
        (1, (1, "claimed", "queued", "running", 1, 0), "term 0 became 0 by claimed"),
        (3, (1, "rescued", "running", "queued", 2, 1), "attempt 1 became 2 by rescued"),
    ],
)
def test_a_history_that_cannot_be(place: int, event: tuple[Any, ...], wrong: str) -> None:
    rows = Rows({"runs": [(1, "a", "succeeded")], "run_events": list(HISTORY)})
    assert list(invariants.check_events(rows)) == []
    rows.tables["run_events"][place] = event
    assert any(wrong in one for one in invariants.check_events(rows))


def test_a_database_that_is_damaged(archive: Archive) -> None:
    files = [archive.runs.control_database, *(archive.runs.run(run_id).database for run_id in "abc")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE t (x UNIQUE)")
            connection.executemany("INSERT INTO t VALUES (?)", [(f"{number:099}",) for number in range(999)])
    assert SqliteRows(archive).damage() == []
    content = files[1].read_bytes()
    files[1].write_bytes(content[:20000] + bytes(5000) + content[25000:])
    (wrong,) = SqliteRows(archive).damage()
    assert wrong.startswith("a.db is damaged: ")


def test_a_repository_that_was_changed(archive: Archive) -> None:
    (archive.top / ".git").rename(archive.folder / "aside")
    archive.git("init", "--quiet")
    facts = archive.git_facts()
    assert invariants.check_git(facts, archive) == []
    archive.git("config", "core.x", "y")
    (wrong,) = invariants.check_git(facts, archive)
    assert wrong.startswith(".git/config says")
