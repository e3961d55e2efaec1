"""What runs have cost, as their reports tell it."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import psutil

from support.gate import Gate

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

KEYS = {"cpu_seconds", "peak_memory_bytes", "wall_seconds", "queue_seconds"}


def test_every_report_of_a_run_tells_what_it_has_cost_and_its_trace_what_each_page_did(archive: Archive) -> None:
    archive.scan("scans/a.png")
    archive.job("a", "scans/a.png")
    archive.commit()
    told = archive.supervisor("--run-ids", "a", "--json").runs["a"]
    cost = told["resources"]
    assert cost.keys() == KEYS
    assert 0.05 < cost["cpu_seconds"] < 10
    # An executor, its page processes and a tesseract.
    assert 20e6 < cost["peak_memory_bytes"] < 2e9
    assert 0 < cost["wall_seconds"] <= told["seconds"] + 0.01
    assert 0 <= cost["queue_seconds"] < 10
    assert archive.manifest("a")["resources"] == cost
    shown = archive.supervisor("show", "a", "--json").document
    assert shown["run"]["resources"] == shown["events"][-1]["detail"]["resources"] == cost
    last = json.loads((archive.runs / "a" / "trace.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["outcome"], last["status"]) == ("term_ended", "succeeded", "succeeded")
    assert last["resources"] == cost
    assert "  used " in archive.supervisor("show", "a").out
    [started], [page] = archive.events("a", "attempt_started"), archive.events("a", "page_recognised")
    assert started["worker"].endswith("-1")
    assert page["page_process"] > 1
    assert page["slot"] >= 0
    assert started["at"] <= page["began_at"] <= page["at"]
    assert page["waiting_ms"] >= 0
    assert 0 < page["recognising_ms"] <= page["duration_ms"]
    assert 0 < page["preparing_ms"] + page["recognising_ms"] <= page["duration_ms"] + 1


def test_what_a_killed_executor_has_used_is_known(
    archive: Archive, gate: Gate, wait_until: Callable[..., None]
) -> None:
    archive.scan("scans/a.png")
    archive.job("a", "scans/a.png")
    archive.commit()
    going = archive.start("--run-ids", "a", **gate.environment)
    wait_until(gate.arrived)
    executor = psutil.Process(archive.holder("a")["process_group"])
    os.kill(executor.pid, signal.SIGKILL)
    wait_until(lambda: gate.arrived() > 1)
    gate.open()
    assert going.end().code == 0
    events = archive.supervisor("show", "a", "--json").document["events"]
    first, last = (event["detail"]["resources"] for event in events if "resources" in event["detail"])
    assert [event["event"] for event in events][-3:] == ["retrying", "claimed", "succeeded"]
    assert first["cpu_seconds"] > 0
    # Attempts are told apart.
    run = archive.supervisor("show", "a", "--json").document["run"]
    assert (run["attempt"], run["resources"]) == (2, last)
