"""Lanes, priorities, timeouts and retries, as a user asks for them."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def history(archive: Archive) -> list[tuple[Any, ...]]:
    """Every event of the archive's runs: run id, what happened, why."""
    with closing(sqlite3.connect(archive.runs / "control.db")) as connection:
        return connection.execute(
            "select runs.run_id, event, json_extract(detail, '$.reason') from run_events "
            "join runs on runs.id = run_events.run_id order by run_events.id"
        ).fetchall()


def order(archive: Archive) -> list[str]:
    """Claims and ends, in the order in which they happened."""
    return [f"{run_id} {event}" for run_id, event, _ in history(archive) if event in {"claimed", "succeeded"}]


def test_a_lane_executes_one_run_at_a_time_while_free_runs_go_on(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a,b,c", "--workers=3", "--lane=A=a,b", "--json", **gate.environment)
    wait_until(lambda: gate.arrived() == 2)
    assert order(three) == ["a claimed", "c claimed"]
    gate.open()
    assert running.end().code == 0
    happened = [step for step in order(three) if not step.startswith("c")]
    assert happened == ["a claimed", "a succeeded", "b claimed", "b succeeded"]


def test_lower_numbers_go_first_whenever_they_came(three: Archive) -> None:
    assert three.supervisor("start", "later", "--run-ids=a,b", "--priority=200").code == 0
    assert three.supervisor("start", "urgent", "--run-ids=c", "--priority=5").code == 0
    done = three.supervisor("work", "--once", "--workers=1", "--json")
    assert done.code == 0, done
    assert [run["run_id"] for run in done.document["runs"]] == ["c", "a", "b"]
    claims = [step for step in order(three) if step.endswith("claimed")]
    assert claims == ["c claimed", "a claimed", "b claimed"]


def test_a_run_that_exceeds_its_timeout_is_tried_again_and_then_fails(three: Archive, gate: Any) -> None:
    done = three.supervisor(
        "--run-ids=a,b", "--workers=2", "--timeout=2", "--max-retries=1", "--json", **gate.environment
    )
    assert done.code == 1
    assert {(run["status"], run["attempt"]) for run in done.runs.values()} == {("failed", 2)}
    assert done.runs["a"]["error"] == "not finished after 2 s, its timeout"
    mine = [(event, reason) for run_id, event, reason in history(three) if run_id == "a" and event != "claimed"]
    reason = "not finished after 2 s, its timeout"
    assert mine == [("queued", None), ("retrying", reason), ("failed", reason)]
    assert not three.scratch("a")


def test_what_cannot_pass_by_itself_is_not_tried_again(three: Archive) -> None:
    three.write("scans/a.png", b"no picture")
    three.commit()
    done = three.supervisor("--run-ids=a", "--json")
    assert (done.code, done.runs["a"]["status"], done.runs["a"]["attempt"]) == (1, "failed", 1)
    assert [event for _, event, _ in history(three)] == ["queued", "claimed", "failed"]


@pytest.mark.parametrize("workers", [["--workers=2"], ["--workers=3"]])
def test_an_sqlite_database_for_several_workers_is_refused_with_the_two_ways_out(
    three: Archive, workers: list[str]
) -> None:
    done = three.supervisor("--run-ids=a,b,c", *workers, "--database-url=sqlite:///runs.db")
    assert done.code == 2
    assert "cannot share one SQLite database" in done.err
    assert "PostgreSQL" in done.err
    assert "--per-run-sqlite" in done.err
    assert not (three.top / "runs.db").exists()
    assert not three.runs.exists()


def test_an_sqlite_database_serves_one_worker(three: Archive) -> None:
    done = three.supervisor("--run-ids=a,b", "--json", "--database-url=sqlite:///runs.db")
    assert done.code == 0, done
    with closing(sqlite3.connect(three.top / "runs.db")) as connection:
        assert connection.execute("select count(*) from pages").fetchall() == [(2,)]
    assert not (three.runs / "control.db").exists()
    assert not (three.runs / "a" / "a.db").exists()


def test_a_second_worker_process_on_an_sqlite_database_is_refused(three: Archive, gate: Any, wait_until: Any) -> None:
    url = "--database-url=sqlite:///runs.db"
    first = three.start("--run-ids=a", url, **gate.environment)
    wait_until(gate.arrived)
    second = three.supervisor("--run-ids=b", url)
    assert second.code == 2
    assert "in use by pid" in second.err
    gate.open()
    assert first.end().code == 0


def test_many_workers_on_sqlite_are_warned(three: Archive) -> None:
    done = three.supervisor("--run-ids=a", "--workers=5", "--per-run-sqlite")
    assert done.code == 0
    assert "5 workers take turns at one SQLite control database" in done.err
