"""What an executor can see, and what of the repository can reach into it."""

import shutil
import subprocess
from typing import Any

import pytest

from supervisor.artifacts.layout import MEMORY_BACKED

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
MARK = "nobody else's business"
CREDENTIALS = dict.fromkeys(
    (
        *("AWS_SECRET_ACCESS_KEY", "CI_JOB_TOKEN", "DATABASE_URL", "GITHUB_TOKEN", "GIT_ASKPASS", "GIT_AUTHOR_NAME"),
        *("PGPASSWORD", "SSH_AUTH_SOCK", "SUPERVISOR_TOKEN"),
    ),
    MARK,
)


def test_no_credential_reaches_an_executor_or_tesseract(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a", "--per-run-sqlite", **CREDENTIALS, **gate.environment)
    wait_until(gate.arrived)
    family = [process for process in three.processes() if process.pid != running.process.pid]
    assert len(family) >= 4  # fork server, executor, page process, tesseract
    for process in family:
        environment = process.environ()
        assert MARK not in environment.values(), process
        assert not [name for name in environment if name.startswith("GIT_")], process
        assert MARK not in " ".join(process.cmdline()), process
        assert environment["HOME"] == str(three.home)
    gate.open()
    assert running.end().code == 0


def test_no_hook_and_no_filter_of_the_repository_runs(three: Archive) -> None:
    trap = three.write("trap", f"#!/bin/sh\ntouch {three.home}/sprung\ncat\n")
    trap.chmod(0o755)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (three.top / ".git/hooks" / name).parent.mkdir(exist_ok=True)
        (three.top / ".git/hooks" / name).symlink_to(trap)
    three.write(".gitattributes", "*.png filter=trap\n")
    three.git("config", "filter.trap.smudge", str(trap))
    three.git("config", "filter.trap.clean", str(trap))
    three.git("config", "core.fsmonitor", str(trap))
    assert three.supervisor("--run-ids=a", "--quiet").code == 0
    assert "harbour" in three.text("a", "scans/a.png")
    assert not (three.home / "sprung").exists()


def test_a_user_without_a_name_as_containers_have(three: Archive, gate: Any, wait_until: Any) -> None:
    uid = 54321
    with_uid = f"unshare --user --map-user={uid}"
    if subprocess.run([*with_uid.split(), "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("user namespaces may not be made here")
    running = three.shell(f"exec {with_uid} supervisor --run-ids=a --json", **gate.environment)
    wait_until(gate.arrived)
    memory = MEMORY_BACKED / f"supervisor-{uid}"
    assert not memory.exists() or memory.stat().st_mode & 0o777 == 0o700
    gate.open()
    done = running.end()
    assert done.code == 0, done
    assert "harbour" in three.text("a", "scans/a.png")
    if memory.exists():
        # The run has ended; what remains is which tesseract this is.
        assert {path.name for path in memory.iterdir()} <= {"tesseract.json", "tesseract.lock"}
        shutil.rmtree(memory)
