"""Pausing and cancelling, from another terminal than that in which the runs were started."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


@pytest.fixture
def queued(three: Archive) -> Archive:
    """The runs a, b and c of a session Night, which nobody executes."""
    assert three.supervisor("start", "Night", "--run-ids=a,b,c").code == 0
    return three


def states(archive: Archive) -> dict[str, str]:
    with closing(sqlite3.connect(archive.runs / "control.db")) as connection:
        return dict(connection.execute("select run_id, status from runs order by id"))


def effects(document: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """How each run stands, and whether the command made the difference."""
    return {run["run_id"]: (run["effect"], run["changed"]) for one in document["answers"] for run in one["runs"]}


def test_a_paused_run_rests_while_the_others_are_executed(queued: Archive) -> None:
    done = queued.supervisor("pause", "b")
    assert (done.code, done.out) == (0, "b  paused\nTo go on: supervisor resume b\n")
    again = queued.supervisor("pause", "b", "--json")
    assert (again.code, effects(again.document)) == (0, {"b": ("paused", False)})
    assert queued.supervisor("work", "--once").code == 0
    assert states(queued) == {"a": "succeeded", "b": "queued", "c": "succeeded"}
    ended = queued.supervisor("pause", "a")
    assert (ended.code, ended.out) == (1, "a  succeeded already: nothing to pause\n")
    both = queued.supervisor("pause", "a", "b", "--json")
    assert (both.code, both.document["exit_code"]) == (1, 1)
    assert effects(both.document) == {"a": ("ended", False), "b": ("paused", False)}


def test_a_session_is_paused_and_cancelled_with_all_its_runs(queued: Archive) -> None:
    paused = queued.supervisor("pause", "Night", "--json")
    assert (paused.code, paused.document["answers"][0]["session"]["status"]) == (0, "paused")
    assert queued.supervisor("work", "--once").out == "nothing was queued\n"
    cancelled = queued.supervisor("cancel", "Night", "--json")
    assert (cancelled.code, cancelled.document["answers"][0]["session"]["status"]) == (0, "cancelled")
    assert effects(cancelled.document) == dict.fromkeys("abc", ("cancelled", True))
    assert states(queued) == dict.fromkeys("abc", "cancelled")
    again = queued.supervisor("cancel", "--force", "session:Night", "a", "--json")
    assert (again.code, effects(again.document)) == (0, dict.fromkeys("abc", ("cancelled", False)))
    assert queued.pins() == ""
    refused = queued.supervisor("pause", "Night")
    assert (refused.code, refused.out.endswith("  3 runs had ended before\n")) == (1, True)


def test_a_command_that_is_stopped_tells_how_what_is_paused_goes_on(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a,b", "--workers=1", **gate.environment)
    wait_until(gate.arrived)
    assert three.supervisor("pause", "b").code == 0
    gate.let_through(1)
    wait_until(lambda: running.says("b: paused"))
    running.ctrl_c()
    done = running.end()
    assert done.code == 130
    assert "\nb      paused  " in done.out
    assert [line.split(" in ")[0].split(" by ")[0] for line in done.out.splitlines()[4:]] == [
        "2 runs",
        "b: paused",
        f"Results: {three.runs}/a/output",
        "What to type next:",
        "  supervisor resume b  what is paused goes on",
    ]
    assert three.supervisor("resume", "b", "--quiet").code == 0


def test_if_one_name_is_wrong_nothing_is_changed(queued: Archive) -> None:
    for command in ("pause", "cancel"):
        done = queued.supervisor(command, "a", "Nigth", "--json")
        assert (done.code, done.document["error"]["hint"]) == (2, "did you mean 'Night'?")
    assert states(queued) == dict.fromkeys("abc", "queued")
    assert queued.supervisor("pause", "a", "--json").document["answers"][0]["runs"][0]["changed"]


def test_where_nothing_was_ever_run_nothing_is_made(three: Archive) -> None:
    for command in ("pause", "cancel"):
        done = three.supervisor(command, "a")
        assert (done.code, done.err) == (
            2,
            "supervisor: there is no run or session 'a' here (none was ever made here)\n",
        )
    done = three.supervisor("workers", "scale", "2")
    assert (done.code, "supervisor work --workers N" in done.err) == (2, True)
    assert not three.runs.exists()


def test_resume_goes_on_with_what_nobody_serves_before_what_is_paused(queued: Archive) -> None:
    assert queued.supervisor("pause", "c").code == 0
    first = queued.supervisor("resume", "--workers=2", "--json")
    assert (first.code, first.runs.keys()) == (0, {"a", "b"}), first
    assert effects(first.document) == {"a": ("resumed", False), "b": ("resumed", False)}
    assert states(queued)["c"] == "queued"
    second = queued.supervisor("resume")
    assert (second.code, second.out.splitlines()[1].split()[:2]) == (0, ["c", "succeeded"]), second
    third = queued.supervisor("resume")
    assert (third.code, third.out, third.err) == (0, "nothing to resume\n", "")
    named = queued.supervisor("resume", "c")
    assert (named.code, named.out) == (
        1,
        "c  succeeded already: nothing to resume; to run it again: supervisor --run-ids c\n",
    )


def test_a_run_of_a_paused_session_goes_on_with_all_of_it(queued: Archive) -> None:
    assert queued.supervisor("pause", "Night").code == 0
    alone = queued.supervisor("resume", "a")
    assert (alone.code, "supervisor resume session:" in alone.err) == (3, True)
    assert queued.supervisor("work", "--once").out == "nothing was queued\n"
    whole = queued.supervisor("resume", "Night", "--json")
    assert (whole.code, whole.runs.keys()) == (0, set("abc"))
    (session,) = whole.document["sessions"]
    assert (session["title"], session["status"]) == ("Night", "completed"), "it is the same session"


def test_resume_reads_neither_the_job_files_nor_the_ref_again(queued: Archive) -> None:
    before = queued.git("rev-parse", "HEAD").strip()
    queued.job("a", "scans/b.png")
    queued.commit()
    done = queued.supervisor("resume", "a", "--json")
    assert (done.code, done.runs["a"]["commit"]) == (0, before), done
    assert queued.recognised("a") == ["scans/a.png"]


def test_before_anything_is_resumed_the_surroundings_are_looked_at(queued: Archive, tmp_path: Path) -> None:
    assert queued.supervisor("pause", "a").code == 0
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(str(shutil.which("git")))
    done = queued.supervisor("resume", "a", PATH=str(tmp_path / "bin"))
    assert (done.code, "tesseract" in done.err) == (4, True), done
    assert queued.supervisor("pause", "a").out.startswith("a  paused already\n")
