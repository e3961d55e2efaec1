"""What a supervisor tells of its work, in its own log and in those of its runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from supervisor.artifacts.layout import RunsDirectory
from supervisor.logs.lines import LogLine
from supervisor.model.states import RunStatus
from supervisor.store.claims import Scope
from supervisor.supervision.assignment import Ending
from supervisor.supervision.end import end
from supervisor.supervision.journal import Journal
from supervisor.supervision.rescue import Rescuer
from support.bench import DEAD, Bench
from support.schemas import check_log_line


def lines(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    for line in found:
        check_log_line(line)
    return found


def events(path: Path) -> list[tuple[str, str]]:
    return [(line["level"], line["event"]) for line in lines(path)]


def test_what_concerns_a_run_is_in_its_own_log_too(bench: Bench) -> None:
    journal, run = bench.shop.journal, bench.add("a")
    journal.log.info("of nobody")
    journal.of(bench.row(run)).warning("of the run", reason="postgresql://ada:secret@db/x")
    shared, own = lines(bench.shop.runs_directory.log), lines(bench.shop.runs_directory.run("a").log)
    assert [line["event"] for line in shared] == ["of nobody", "of the run"]
    assert own == [shared[1]]
    assert (own[0]["run_id"], own[0]["attempt"], own[0]["lease_term"]) == ("a", 1, 0)
    assert (own[0]["supervisor"], own[0]["reason"]) == (bench.shop.me.id, "postgresql://ada:***@db/x")


def test_who_listens_is_told_of_every_line_once(bench: Bench) -> None:
    told: list[LogLine] = []
    journal = Journal(bench.shop.runs_directory, "one", level="warning", listener=told.append)
    shop = replace(bench.shop, journal=journal)
    row = bench.row(bench.add("a"))
    shop.tell("too little to tell", of=row)
    shop.warn("worth it", of=row)
    assert [line.event for line in told] == ["worth it"]
    assert bench.said == []
    bench.shop.warn("worth it", of=row)
    assert bench.said == ["run a: worth it"]


def test_a_log_that_cannot_be_written_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / ".supervisors").write_text("in the way")
    told: list[LogLine] = []
    Journal(RunsDirectory(tmp_path), "one", listener=told.append).log.info("all the same")
    assert [line.event for line in told] == ["all the same"]


@pytest.mark.parametrize(
    ("ending", "level", "event"),
    [
        (Ending(RunStatus.SUCCEEDED, "succeeded"), "info", "run succeeded"),
        (Ending(RunStatus.FAILED, "failed", "boom"), "error", "run failed"),
        (Ending(RunStatus.FAILED, "failed", "boom", transient=True), "warning", "attempt failed"),
        (Ending(RunStatus.QUEUED, "interrupted", "stopped"), "info", "run interrupted"),
        (Ending(RunStatus.CANCELLED, "cancelled", "ada"), "info", "run cancelled"),
        (Ending(RunStatus.QUEUED, "given back", "held", delay_seconds=5), "warning", "held; trying again in 5 s"),
    ],
    ids=lambda one: one.event if isinstance(one, Ending) else str(one),
)
def test_how_an_attempt_ended_is_told(bench: Bench, ending: Ending, level: str, event: str) -> None:
    bench.add("a")
    assert end(bench.shop, bench.claim(), ending)
    assert events(bench.shop.runs_directory.run("a").log)[-1] == (level, event)


def test_a_rescue_is_told_in_the_log_of_the_run(bench: Bench, make_bench: Callable[..., Bench]) -> None:
    row = make_bench("dead", **DEAD).abandon()
    assert Rescuer(bench.shop, Scope(None, ["repo"])).look(())
    claimed, line = lines(bench.shop.runs_directory.run("a").log)
    assert (claimed["event"], claimed["worker"]) == ("run claimed", row.claimed_by)
    assert (line["level"], line["lease_term"]) == ("warning", row.lease_term)
    assert "is gone; going on with attempt 1" in line["event"]
