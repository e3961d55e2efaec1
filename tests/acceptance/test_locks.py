"""`supervisor locks`, and worktrees in use."""

import signal
import socket
from typing import Any

from supervisor import ExecutorLockManager, SessionManager

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def test_a_stopped_holder_is_named_left_alone_and_ended_by_force(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids", "a", **gate.environment)
    wait_until(gate.arrived)
    running.process.send_signal(signal.SIGSTOP)
    holder = f"pid {running.process.pid} on {socket.gethostname()}"
    held = three.supervisor("locks", "--json").document["locks"]
    assert {(one["kind"], one["run_id"], one["holder"]) for one in held} == {
        ("run", "a", holder),
        ("workspace", "a", holder),
    }
    assert str(three.runs / "workspaces" / "a") in {one["name"] for one in held}
    assert holder in three.supervisor("locks").out
    refused = three.supervisor("--run-ids", "a", "--json")
    assert (refused.code, holder in refused.document["error"]["message"]) == (3, True)
    (worktree,) = three.supervisor("--list-worktrees", "--json").document["worktrees"]
    assert (worktree["run_id"], worktree["holder"], worktree["dirty"]) == ("a", holder, False)
    cleaned = three.supervisor("--cleanup", "--json").document
    assert cleaned["removed"] == []
    assert holder in cleaned["kept"][0]["reason"]
    refused = three.supervisor("locks", "release", "a", "--json")
    assert refused.code == 3
    assert "--force" in refused.document["error"]["hint"]
    assert gate.arrived() == 1
    released = three.supervisor("locks", "release", "a", "--force", "--json")
    assert released.code == 0
    assert released.document["released"] == [{"run_id": "a", "ended": holder}]
    assert not three.held_locks()
    running.end()
    wait_until(lambda: not three.processes())
    done = three.supervisor("--run-ids", "a", "--json")
    assert done.code == 0
    assert done.runs["a"]["pages"]["ocr"] == 1
    assert three.supervisor("locks", "release", "a").out == "run 'a': nobody held it\n"


def test_files_that_sessions_have_are_listed_until_their_last_run_ends(three: Archive) -> None:
    assert "no lock is held" in three.supervisor("locks").out
    assert not three.runs.exists()
    started = three.supervisor("start", "night", "--run-ids=a", "--json").document["session"]
    manager = SessionManager(three.top)
    day = manager.create_session("day")
    manager.lock_files(day, ["scans/c.png"])
    manager.lock_files(started["id"], ["scans/b.png", "scans/a.png"], run="a")
    listed = three.supervisor("locks", "--json")
    assert (listed.code, listed.document["locks"]) == (0, [])
    files = listed.document["file_locks"]
    assert all(one.pop("acquired_at") for one in files)
    night = {"id": started["id"], "title": "night"}
    assert files == [
        {"path": "scans/a.png", "session": night, "run_id": "a"},
        {"path": "scans/b.png", "session": night, "run_id": "a"},
        {"path": "scans/c.png", "session": {"id": day.id, "title": "day"}, "run_id": None},
    ]
    assert f"file       scans/a.png  session 'night' ({started['id']}), run a, since " in three.supervisor("locks").out
    assert three.supervisor("work", "--once", "--quiet").code == 0
    assert [one["path"] for one in three.supervisor("locks", "--json").document["file_locks"]] == ["scans/c.png"]


def test_a_database_that_is_away_hides_no_run_lock(three: Archive) -> None:
    with ExecutorLockManager(three.runs).acquire("a"):
        listed = three.supervisor("locks", "--json", "--database-url=postgresql://ada:secret@localhost:1/ocr")
    assert (listed.code, listed.document["file_locks"]) == (4, None)
    assert [one["name"] for one in listed.document["locks"]] == ["a"]
    assert "which files are locked cannot be told: database postgresql://ada:***@localhost:1/ocr" in listed.err
