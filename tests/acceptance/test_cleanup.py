"""`supervisor cleanup` and `--retain-days`, as people type them."""

import os
import shlex
import sqlite3
import subprocess
import time
from typing import Any

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def age(archive: Archive, run_id: str, days: int) -> None:
    """Let a run have ended so many days earlier."""
    with sqlite3.connect(archive.runs / "control.db") as database:
        database.execute(
            "UPDATE runs SET finished_at = strftime('%Y-%m-%d %H:%M:%S.000000', finished_at, ?) WHERE run_id = ?",
            [f"-{days} days", run_id],
        )
    database.close()
    then = time.time() - days * 86400
    for path in (archive.runs / run_id).iterdir():
        os.utime(path, (then, then))


def test_a_dry_run_tells_what_is_done_and_what_executes_is_never_touched(
    three: Archive, gate: Any, wait_until: Any
) -> None:
    assert three.supervisor("--run-ids=b,c", "--keep-workspaces", "--quiet").code == 0
    age(three, "b", 8)
    age(three, "c", 6)
    (three.runs / "workspaces/b/note.txt").write_text("mine")
    running = three.start("--run-ids=a", **gate.environment)
    wait_until(gate.arrived)
    asked = ["cleanup", "--force", "--artifacts", "--days=7"]
    planned = three.supervisor(*asked, "--dry-run", "--json").document
    (three.runs / "workspaces/b/note.txt").unlink()
    (three.runs / "workspaces/b/note.txt").write_text("mine")
    done = three.supervisor(*asked, "--json").document
    (saved,) = done["saved"]
    where = {name: saved[name] for name in ("ref", "commit", "command")}
    assert planned == {**done, "dry_run": True, "saved": [{**saved, **dict.fromkeys(where)}]}
    assert done["removed"] == [str(three.runs / "workspaces/b"), str(three.runs / "b")]
    held = {one["path"]: one["reason"] for one in done["kept"]}
    assert held[str(three.runs / "workspaces/a")] == held[str(three.runs / "a")]
    assert held[str(three.runs / "a")].startswith("run 'a' is executing (pid ")
    assert held[str(three.runs / "c")] == "its run ended 6 days ago"
    subprocess.run(shlex.split(saved["command"]), cwd="/", env=three.environment(), check=True)
    (brought_back,) = three.top.parent.glob("b-*/note.txt")
    assert brought_back.read_text() == "mine"
    gate.open()
    assert running.end().code == 0
    shown = three.supervisor("show", "b")
    assert ["results", "removed"] in [line.split() for line in shown.out.splitlines()]
    assert "succeeded" in shown.out


def test_retention_removes_what_is_older(three: Archive) -> None:
    assert three.supervisor("--run-ids=a,b,c", "--quiet").code == 0
    age(three, "b", 40)
    age(three, "c", 40)
    (three.runs / "c" / "notes.txt").write_text("mine")
    three.write("supervisor.toml", "retain_days = 30\n")
    done = three.supervisor("--run-ids=a", "--json")
    assert done.code == 0
    assert done.err.count("removed what was older than 30 days of: b, c\n") == 1
    assert not (three.runs / "b").exists()
    assert [path.name for path in (three.runs / "c").iterdir()] == ["notes.txt"]
    assert three.text("a", "scans/a.png")
    assert "older than" not in three.supervisor("work", "--once").err


def test_results_are_removed_by_age_alone(three: Archive) -> None:
    done = three.supervisor("cleanup", "--artifacts")
    assert done.code == 2
    assert "needs --days N" in done.err
    assert three.supervisor("cleanup").out == f"nothing to clean in {three.runs}\n"
