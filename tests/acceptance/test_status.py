"""`status`, `list`, `workers` and `summary`, as people type them: while runs execute, and afterwards."""

import os
import signal
from typing import Any

import psutil

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
Gate = Any


def lines(archive: Archive, *arguments: str) -> list[str]:
    done = archive.supervisor(*arguments)
    assert (done.code, done.err) == (0, ""), done
    return list(done.out.splitlines())


def test_where_nothing_was_made_there_is_nothing_to_tell(three: Archive) -> None:
    assert lines(three, "status") == ["no session was ever made here; to make one, type: supervisor --run-ids A,B"]
    assert lines(three, "list") == ["no session was ever made here"]
    assert lines(three, "workers") == ["no worker is there; to start one, type: supervisor work"]
    assert [line.split()[0] for line in lines(three, "summary")] == ["workers", "sessions", "documents"]
    assert three.supervisor("status", "--json").document["session"] is None
    missed = three.supervisor("status", "Night")
    assert (missed.code, missed.err) == (2, "supervisor: there is no session 'Night' here (none was ever made here)\n")
    assert not three.runs.exists(), "to look makes nothing"


def test_a_session_while_it_goes_on_and_when_it_has_ended(three: Archive, gate: Gate, wait_until: Any) -> None:
    three.write("scans/b.png", "no picture")
    three.commit()
    typed = ["--run-ids=a,b", "--workers=2", "--session", "Night of May", "--lane=A=a"]
    running = three.start(*typed, **gate.environment)
    wait_until(lambda: gate.arrived() and "b: failed" in running.err.read_text())
    wait_until(lambda: three.supervisor("status", "--json").document["runs"][0]["pages"]["found"] == 1)
    document = three.supervisor("status", "--json").document
    session_id, (a, b) = document["session"]["id"], document["runs"]
    assert (a["status"], a["documents"]["done"], b["status"], b["documents"]["failed"]) == ("running", 0, "failed", 1)
    assert document["failures"] == [
        {"run_id": "b", "document": "scans/b.png", "error": document["failures"][0]["error"]}
    ]
    assert (document["is_served"], document["stopped"]) == (True, [])

    shown = lines(three, "status")
    assert shown[0] == "Night of May  running"
    assert f"  session    {session_id}" in shown
    assert "  documents  1 of 2 done, 1 failed" in shown
    assert shown[4].startswith("  pages      0 of ")
    assert "  lanes      A: a running; no lane: nothing running, 1 ended" in shown
    assert f"a    running        0/1    0/1           -       -  recognising, by {a['worker']}" in shown
    assert f"  b  scans/b.png: {document['failures'][0]['error']}" in shown
    assert "  supervisor show b                            what failed, and what is weak" in shown

    (busy, idle) = sorted(three.supervisor("workers", "--json").document["workers"], key=lambda one: one["status"])
    assert (busy["id"], busy["run_id"], busy["stage"]) == (a["worker"], "a", "recognising")
    assert (idle["status"], idle["run_id"], idle["pages"]) == ("idle", None, None)
    told = lines(three, "workers", "--status=busy")
    assert len(told) == 2
    assert told[1].startswith(f"{busy['id']}  busy")
    assert told[1].endswith(
        f"pid {running.process.pid} on {busy['host']}  run a: recognising, 0 of 1 documents, 0 of 1 pages"
    )
    assert lines(three, "summary") == [
        "workers    1 idle, 1 busy, 0 offline; 2 in all, 50 % in use",
        "sessions   1 active of 1",
        "documents  1 done (1 failed), 1 queued; pages 0 done (0 failed), 1 queued",
    ]

    os.kill(running.process.pid, signal.SIGSTOP)
    wait_until(lambda: psutil.Process(running.process.pid).status() == psutil.STATUS_STOPPED)
    stopped = three.supervisor("status", "Night")
    os.kill(running.process.pid, signal.SIGCONT)
    assert f"was stopped and keeps its runs: to let it go on, type kill -CONT {running.process.pid}" in stopped.err

    assert three.supervisor("start", "Day", "--run-ids=c").code == 0
    queued = lines(three, "status", "-v")
    assert queued[0] == "Day  running", "the newest that has not ended"
    assert queued[-1].split("  ")[1].startswith("supervisor work --session ")
    assert "no file is locked for it" in queued
    gate.open()
    assert running.end().code == 1
    ended = lines(three, "status", "Night", "-v")
    assert ended[0] == "Night of May  failed"
    assert any(line.split("  ")[1:3] == ["a", "succeeded"] for line in ended)
    assert not any("resume" in line for line in ended)
    refused = three.supervisor("resume", session_id)
    assert refused.code == 1
    assert refused.out.splitlines()[1:] == [
        "  2 runs had ended before",
        "To run again what failed: supervisor --run-ids b",
    ]
    assert [line.split("  ")[0] for line in lines(three, "list")][1:] == [
        one["id"] for one in three.supervisor("list", "--json").document["sessions"]
    ]
    (failed,) = lines(three, "list", "--status=failed")[1:]
    assert failed.startswith(f"{session_id}  failed")
    assert failed.endswith("Night of May  1 succeeded, 1 failed")
    assert lines(three, "list", "--limit=1")[-1] == "… and 1 more: supervisor list --limit 2"


def test_what_was_run_again_since_is_no_advice(three: Archive) -> None:
    three.write("scans/b.png", "no picture")
    three.commit()
    assert three.supervisor("--run-ids=b", "--session=First", "--quiet").code == 1
    assert "  supervisor show b  " in three.supervisor("status", "First").out
    assert three.supervisor("start", "Second", "--run-ids=b").code == 0
    assert "  results    none yet" in lines(three, "show", "b")
    second = three.supervisor("status", "Second", "--json").document["session"]["id"]
    assert lines(three, "status", "First")[-2:] == ["run again since", f"  b  attempt 2, in session {second}: queued"]
    assert three.supervisor("status", "First", "--json").document["run_again"] == [
        {"run_id": "b", "session_id": second, "attempt": 2, "status": "queued"}
    ]
    assert three.supervisor("cancel", "b", "--force").code == 0
    assert "  results    none" in lines(three, "show", "b")


def test_reports_are_in_colour_where_the_environment_says_so(three: Archive) -> None:
    assert three.supervisor("start", "Night", "--run-ids=a").code == 0
    assert "\x1b[36mrunning" in three.supervisor("status", FORCE_COLOR="1").out
    assert "\x1b" not in three.supervisor("status", FORCE_COLOR="1", NO_COLOR="1").out


def test_a_session_that_rests_says_how_it_goes_on(three: Archive) -> None:
    assert three.supervisor("start", "Night", "--run-ids=a").code == 0
    assert three.supervisor("pause", "Night").code == 0
    paused = lines(three, "status", "--repo", str(three.top))
    session_id = paused[1].split()[1]
    assert paused[0] == "Night  paused"
    assert paused[-1] == f"  supervisor resume {session_id} --repo {three.top}  go on with what is paused"
