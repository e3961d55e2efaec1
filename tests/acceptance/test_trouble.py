"""Trouble with the files of one run: that run fails with the reason, and the others go on."""

import os
from pathlib import Path
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def trap_output(archive: Archive) -> None:
    (archive.runs / "a").mkdir(parents=True)
    (archive.runs / "a/output").symlink_to("/nonexistent")


def trap_database(archive: Archive) -> None:
    (archive.runs / "a").mkdir(parents=True)
    (archive.runs / "a/a.db").write_bytes(b"this is no database at all, and long enough to show it" * 40)


def trap_lock(archive: Archive) -> None:
    (archive.runs / ".locks").mkdir(parents=True)
    (archive.runs / ".locks/a.lock").symlink_to(archive.write("mine", "precious"))


def trap_trace(archive: Archive) -> None:
    (archive.runs / "a/logs").mkdir(parents=True)
    (archive.runs / "a/logs/executor.log").symlink_to(archive.write("mine", "precious"))


@pytest.mark.parametrize(
    ("trap", "reason"),
    [
        (trap_output, "the results cannot be published"),
        (trap_database, "a.db: file is not a database"),
        (trap_lock, "a.lock is a symbolic link"),
        (trap_trace, "executor.log"),
    ],
)
def test_it_fails_that_run_alone(three: Archive, trap: Any, reason: str) -> None:
    trap(three)
    done = three.supervisor("--run-ids=a,b,c", "--workers=2", "--json")
    assert (done.code, done.document["session"]["status"]) == (1, "failed")
    assert {name: run["status"] for name, run in done.runs.items()} == {
        "a": "failed",
        "b": "succeeded",
        "c": "succeeded",
    }
    assert reason in done.runs["a"]["error"]
    assert not (three.top / "mine").exists() or (three.top / "mine").read_text() == "precious"
    assert "harbour" in three.text("b", "scans/b.png")


def test_a_lock_that_is_mended_can_be_had_again(three: Archive) -> None:
    trap_lock(three)
    assert three.supervisor("--run-ids=a", "--quiet").code == 1
    (three.runs / ".locks/a.lock").unlink()
    done = three.supervisor("--run-ids=a", "--json")
    assert (done.code, done.runs["a"]["attempt"]) == (0, 2)


def test_a_run_that_cannot_be_tidied_up_after_stops_no_later_command(three: Archive) -> None:
    in_the_way = three.runs / "c/run.json/x"
    in_the_way.mkdir(parents=True)
    done = three.supervisor("--run-ids=c")
    assert (done.code, "run c: tidying up failed" in done.err) == (0, True)
    assert "harbour" in three.text("c", "scans/c.png")
    done = three.supervisor("--run-ids=a")
    assert (done.code, "run c: tidying up after it failed" in done.err) == (0, True)
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    done = three.supervisor("--run-ids=a")
    assert (done.code, "run c" in done.err) == (0, False)
    assert (three.runs / "c/run.json").is_file()


def everything(folder: Path) -> dict[str, bytes | str | None]:
    found: dict[str, bytes | str | None] = {}
    for path in folder.rglob("*"):
        link = path.readlink() if path.is_symlink() else None
        found[str(path)] = str(link) if link else path.read_bytes() if path.is_file() else None
    return found


@pytest.mark.parametrize("planted", ["file", "link"])
def test_a_runs_directory_with_committed_files_is_refused(three: Archive, tmp_path: Path, planted: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = three.runs / "a/trace.jsonl"
    path.parent.mkdir(parents=True)
    if planted == "file":
        path.write_text("theirs")
    else:
        path.symlink_to(victim)
    three.commit()
    three.git("status")
    before = everything(three.top)
    done = three.supervisor("--run-ids=a", "--json")
    assert done.code == 2
    assert "files of its own in the runs directory .autonomous_runs/" in done.document["error"]["message"]
    assert everything(three.top) == before
    assert victim.read_text() == "precious"
    elsewhere = three.supervisor("--run-ids=a", "--quiet", "--runs-dir", str(tmp_path / "elsewhere"))
    assert elsewhere.code == 0, elsewhere


def test_a_runs_directory_that_is_a_link_is_refused(three: Archive, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    three.runs.symlink_to(tmp_path / "target")
    three.git("status")
    before = everything(three.top)
    done = three.supervisor("--run-ids=a", "--json")
    assert done.code == 2
    assert "is a symbolic link" in done.document["error"]["message"]
    assert everything(three.top) == before
    assert os.listdir(tmp_path / "target") == []  # noqa: PTH208 (hidden ones count)


@pytest.mark.parametrize("closed", ["2>&1", "2>&1 >result"])
def test_runs_end_in_order_when_nobody_reads_their_lines_any_more(
    three: Archive, gate: Any, wait_until: Any, closed: str
) -> None:
    line = f"supervisor --run-ids=a,b,c --workers=1 {closed} | head -1; exit ${{PIPESTATUS[0]}}"
    running = three.shell(line, **gate.environment)
    wait_until(lambda: gate.arrived() and not [one for one in three.processes() if one.name() == "head"])
    gate.open()
    done = running.end()
    assert done.err == ""
    assert all(three.events(run_id, "attempt_finished") for run_id in "abc")
    assert all("harbour" in three.text(run_id, f"scans/{run_id}.png") for run_id in "abc")
    assert three.pins() == ""
    assert done.code == (0 if "result" in closed else 1), "only who reads the report misses something"
