"""`supervisor locks`, and worktrees in use."""

import signal
import socket
from typing import Any

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
    wait_until(lambda: not three.processes(), 5)
    done = three.supervisor("--run-ids", "a", "--json")
    assert done.code == 0
    assert done.runs["a"]["pages"]["ocr"] == 1
    assert three.supervisor("locks", "release", "a").out == "run 'a': nobody held it\n"
