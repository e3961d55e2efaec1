"""`supervisor logs`: what a newcomer finds out there, and how it is followed."""

import json
import re
import shutil
import signal
from collections.abc import Callable
from typing import Any

from supervisor.logs.lines import decoded
from support.schemas import check_runs_directory

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
WaitUntil = Callable[..., None]
START = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (\w+) +(.*)$", re.MULTILINE)


def told(out: str) -> list[tuple[str, str]]:
    return [(level, text) for level, text in START.findall(out)]


def test_why_a_document_failed_is_found_in_the_log_of_the_run(archive: Archive) -> None:
    archive.scan("scans/a.png")
    archive.write("scans/broken.png", "no picture")
    archive.job("letters", "scans/*")
    archive.commit()
    assert archive.supervisor("--run-ids=letters").code == 1
    check_runs_directory(archive.runs)
    done = archive.supervisor("logs", "let")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("-- attempt 1, lease term 1 --\n")
    story = [text.partition("  ")[0] for _, text in told(done.out)]
    assert story == [
        "run claimed",
        "workspace ready",
        "executor started",
        "started",
        *sorted(["document done", "document failed"], key=story.index),
        "ended",
        "run failed",
    ]
    failed = archive.supervisor("logs", "letters", "--level=error", "-n", "2").out
    assert [level for level, _ in told(failed)] == ["error", "error"]
    assert "document failed  document=scans/broken.png status=failed" in failed
    assert 'error="is ' in failed
    document = archive.supervisor("logs", "letters", "--level=error", "--json").document
    assert [line["event"] for line in document["lines"]] == ["document failed", "run failed"]
    raw = archive.supervisor("logs", "letters", "--raw").out
    assert [json.loads(line)["event"] for line in raw.splitlines()] == story
    own = archive.supervisor("logs").out
    assert [text.partition("  ")[0] for _, text in told(own)][0::7] == ["supervisor started"]
    assert "run claimed  run_id=letters attempt=1" in own


def test_attempts_are_told_apart_and_logs_of_earlier_versions_shown(archive: Archive) -> None:
    archive.scan("scans/a.png")
    archive.job("a", "scans/*")
    archive.commit()
    log = archive.write(
        ".autonomous_runs/a/logs/executor.log",
        "2026-11-20 20:15:03,250 INFO run=a attempt=1 term=1 started: 1 documents, 2 page processes\nTraceback\n",
    )
    # No run is on record yet, and its log is there all the same.
    assert [text for _, text in told(archive.supervisor("logs", "a").out)] == [
        "started: 1 documents, 2 page processes",
        "Traceback",
    ]
    for _ in range(2):
        assert archive.supervisor("--run-ids=a", "--quiet").code == 0
    done = archive.supervisor("logs", "a")
    assert re.findall(r"^-- attempt (\d)", done.out, re.MULTILINE) == ["1", "2"]
    second = archive.supervisor("logs", "a", "--attempt=2")
    assert re.findall(r"^-- attempt (\d)", second.out, re.MULTILINE) == ["2"]
    assert "run succeeded" in second.out
    nothing = archive.supervisor("logs", "a", "--attempt=7")
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err == "the log of run a has no such line; all of it: supervisor logs a\n"
    _, _, *ours = log.read_bytes().splitlines(keepends=True)
    assert None not in map(decoded, ours)
    log.write_bytes(b"".join(ours))  # as all logs are looked at when a test is over


def test_a_run_that_waits_is_followed_from_its_start_to_its_end(
    archive: Archive, gate: Any, wait_until: WaitUntil
) -> None:
    archive.scan("scans/a.png")
    archive.job("a", "scans/*")
    archive.commit()
    assert archive.supervisor("start", "Night", "--run-ids=a").code == 0
    done = archive.supervisor("logs", "a")
    assert (done.code, done.out) == (0, "")
    assert done.err == "run a waits for a worker and has no log yet; supervisor work executes what is queued\n"
    following = archive.start("logs", "a", "-f")
    wait_until(lambda: following.says("run a is queued and has no log yet; waiting for it"))
    working = archive.start("work", "--once", **gate.environment)
    wait_until(lambda: "executor started" in following.out.read_text())
    wait_until(lambda: gate.arrived() == 1)
    # Whatever becomes of the file.
    log = archive.runs / "a/logs/executor.log"
    log.rename(log.with_name("executor.log.1"))
    gate.open()
    assert working.end().code == 0
    done = following.end()
    assert done.code == 0
    story = [text.partition("  ")[0] for _, text in told(done.out)]
    assert story == archived(archive)
    assert story[-1] == "run succeeded"


def archived(archive: Archive) -> list[str]:
    return [text.partition("  ")[0] for _, text in told(archive.supervisor("logs", "a").out)]


def test_following_ends_quietly_with_ctrl_c(archive: Archive, wait_until: WaitUntil) -> None:
    archive.scan("scans/a.png")
    archive.job("a", "scans/*")
    archive.commit()
    assert archive.supervisor("start", "Night", "--run-ids=a").code == 0
    following = archive.start("logs", "-f")
    wait_until(lambda: following.says("waiting for one"))
    following.ctrl_c()
    done = following.end()
    assert (done.code, done.out) == (130, "")
    assert "interrupted" not in done.err
    following = archive.start("logs", "a", "-f", "--raw")
    wait_until(lambda: following.says("waiting for it"))
    following.process.send_signal(signal.SIGTERM)
    assert following.process.wait(30) == -signal.SIGTERM


def test_what_has_no_meaning_is_refused(archive: Archive) -> None:
    archive.write("a", "a")
    archive.commit()
    for arguments, message in (
        (("logs", "a", "-f", "--json"), "--raw -f prints line by line"),
        (("logs", "--attempt=1"), "--attempt is that of a run, which is not named"),
        (("logs", "nothing"), "there is no run 'nothing' here"),
    ):
        done = archive.supervisor(*arguments)
        assert done.code == 2
        assert message in done.err
    done = archive.supervisor("logs")
    assert (done.code, done.out) == (0, "")
    assert done.err == "no supervisor has worked here yet; supervisor --run-ids NAME executes a run\n"


def test_a_log_that_was_removed_is_missed_with_what_to_do(archive: Archive) -> None:
    archive.scan("scans/a.png")
    archive.job("a", "scans/*")
    archive.commit()
    assert archive.supervisor("--run-ids=a", "--quiet").code == 0
    shutil.rmtree(archive.runs / "a/logs")
    done = archive.supervisor("logs", "a")
    assert (done.code, done.out) == (0, "")
    assert "run a has no log here" in done.err
    assert "supervisor show a tells its history" in done.err
