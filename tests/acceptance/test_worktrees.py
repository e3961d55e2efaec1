"""`--keep-workspaces`, `--list-worktrees` and `--cleanup`."""

from pathlib import Path
from typing import Any

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def leave_half_made(archive: Archive, run_id: str) -> Path:
    """Leave what a `git worktree add` leaves that was killed."""
    path = archive.runs / "workspaces" / run_id
    archive.git("worktree", "add", "--quiet", "--detach", "--no-checkout", str(path))
    (archive.top / ".git/worktrees" / run_id / "locked").write_text("initializing")
    return path


def test_finished_workspaces_go_and_those_with_work_stay(archive: Archive) -> None:
    archive.scan("page.png")
    archive.job("default", "page.png")
    archive.commit()
    names = ["clean", "changed", "new", "ignored"]
    done = archive.supervisor(f"--run-ids={','.join(names)}", "--keep-workspaces", "--workers=2", "--json")
    assert done.code == 0
    workspaces = {name: archive.runs / "workspaces" / name for name in names}
    assert archive.git("rev-parse", "--abbrev-ref", "HEAD", cwd=workspaces["clean"]) == "HEAD\n"
    assert sorted(path.name for path in workspaces["clean"].iterdir()) == [".git", "ocr-jobs", "page.png"]
    (workspaces["changed"] / "page.png").write_bytes(b"retouched")
    (workspaces["new"] / "notes.txt").write_text("mine")
    archive.write(".git/info/exclude", (archive.top / ".git/info/exclude").read_text() + "*.bak\n")
    (workspaces["ignored"] / "page.bak").write_text("mine")
    half_made = leave_half_made(archive, "half")
    listed = archive.supervisor("--list-worktrees", "--json").document["worktrees"]
    assert {one["run_id"]: (one["state"], one["dirty"], one["holder"]) for one in listed} == {
        "clean": ("registered", False, None),
        "changed": ("registered", True, None),
        "new": ("registered", True, None),
        "ignored": ("registered", True, None),
        "half": ("initializing", False, None),
    }
    assert all(one["commit"] and one["age_seconds"] >= 0 for one in listed)
    assert "1 changed file (page.png)" in archive.supervisor("--list-worktrees").out
    refused = archive.supervisor("--run-ids=changed", "--json")
    assert refused.code == 2
    assert "1 changed file (page.png)" in refused.document["error"]["message"]
    cleaned = archive.supervisor("--cleanup", "--json").document
    assert set(cleaned["removed"]) == {str(workspaces["clean"]), str(half_made)}
    assert {Path(one["path"]).name: one["reason"] for one in cleaned["kept"]} == {
        "changed": "1 changed file (page.png)",
        "new": "1 new file (notes.txt)",
        "ignored": "1 ignored file (page.bak)",
    }
    assert archive.git("worktree", "list", "--porcelain").count("worktree ") == 4
    assert not half_made.exists()
    assert (workspaces["changed"] / "page.png").read_bytes() == b"retouched"
    (workspaces["new"] / "notes.txt").unlink()
    told = archive.supervisor("--cleanup").out
    assert "  removed  workspaces/new: its run ended 20" in told
    assert "  kept     workspaces/ignored: 1 ignored file (page.bak)\n" in told


def test_a_half_made_workspace_is_in_nobodys_way(archive: Archive) -> None:
    archive.scan("page.png")
    archive.job("a", "page.png")
    archive.commit()
    leave_half_made(archive, "a")
    assert archive.supervisor("--run-ids=a", "--quiet").code == 0
    assert archive.git("worktree", "list").count("\n") == 1


def test_cleaning_up_leaves_a_queued_run_its_workspace_and_the_commit_that_it_goes_on_with(
    three: Archive, gate: Any, wait_until: Any
) -> None:
    running = three.start("--run-ids=a", "--keep-workspaces", **gate.environment)
    wait_until(gate.arrived)
    running.ctrl_c()
    wait_until(lambda: running.says("stopping"))
    running.ctrl_c()
    assert running.end().code == 130
    workspace, pin = three.runs / "workspaces/a", three.pins()
    assert workspace.is_dir()
    assert "refs/supervisor/runs/a" in pin
    (workspace / "note.txt").write_text("mine")
    for arguments in (["--cleanup"], ["cleanup", "--force"], ["cleanup", "--force", "--artifacts", "--days=0"]):
        cleaned = three.supervisor(*arguments, "--json").document
        assert (cleaned["removed"], cleaned["saved"], cleaned["dropped"]) == ([], [], [])
        assert {"path": str(workspace), "reason": "its run is queued"} in cleaned["kept"]
    assert three.pins() == pin
    assert (three.runs / "a" / "a.db").exists()
    (workspace / "note.txt").unlink()
    done = three.supervisor("--run-ids=a", "--json")
    assert (done.code, done.runs["a"]["attempt"], three.pins()) == (0, 1, "")
