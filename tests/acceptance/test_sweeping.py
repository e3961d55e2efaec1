"""What SIGKILL of everything leaves behind, and that whoever comes next removes it."""

import contextlib
import hashlib
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import psutil

from supervisor.artifacts.layout import MEMORY_BACKED, machine_state

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def kill_everything(archive: Archive) -> None:
    """Kill all at once, as the end of a container does: nobody is left who could remove anything."""
    found = archive.processes()
    for signal_number in (signal.SIGSTOP, signal.SIGKILL):
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal_number)
    psutil.wait_procs(found, timeout=5)


def process_folder(pid: int) -> Path:
    """The folder of multiprocessing's files that a supervisor has open."""
    targets = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            targets.append(descriptor.readlink())
    (found,) = [target for target in targets if target.name.startswith("supervisor-processes-")]
    return found


def semaphores(folder: Path) -> list[Path]:
    return list(MEMORY_BACKED.glob(f"sem.supervisor-*-{folder.name.rpartition('-')[2]}-*"))


def prepared_pages(archive: Archive) -> list[Path]:
    owner = hashlib.sha256(os.fsencode(archive.runs)).hexdigest()[:16]
    state = machine_state()
    assert state is not None
    return list(state.glob(f"{owner}-*"))


def test_nothing_outlives_the_next_command_whatever_that_is(
    three: Archive, gate: Any, wait_until: Any, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    running = three.start("--run-ids=a", TMPDIR=str(temporary), **gate.environment)
    trying = three.start("try", "scans/b.png", TMPDIR=str(temporary), **gate.environment)
    wait_until(lambda: gate.arrived() == 2)
    folders = [process_folder(one.process.pid) for one in (running, trying)]
    # Seen before, since any other supervisor on this machine may sweep up after the kill.
    assert all(folder.is_dir() and semaphores(folder) for folder in folders)
    assert prepared_pages(three)
    kill_everything(three)
    for one in (running, trying):
        one.process.wait()
    left = {path.name.rpartition("-")[0] for path in temporary.iterdir()}
    assert left - {"supervisor-processes"} == {"supervisor-tmp-try"}
    assert list((three.runs / ".locks").glob("*.json"))
    half_written = three.runs / ".locks" / "a.json.tmp"
    half_written.touch()
    unnamed = three.runs / ".supervisors" / "killed-at-once.new"
    unnamed.touch()
    done = three.supervisor("--run-ids=b", "--quiet", TMPDIR=str(temporary))
    assert done.code == 0, done
    assert not [left for folder in folders for left in (*semaphores(folder), folder) if left.exists()]
    assert not prepared_pages(three)
    assert not list((three.runs / ".locks").glob("*.json*"))
    assert not list((three.runs / ".workspace_leases").glob("*.json*"))
    assert [path.name for path in (three.runs / ".supervisors").iterdir()] == ["supervisor.log"]
    assert not list(temporary.iterdir())


def test_what_belongs_to_a_run_goes_with_its_end(three: Archive, gate: Any, wait_until: Any) -> None:
    running = three.start("--run-ids=a", **gate.environment)
    wait_until(gate.arrived)
    kill_everything(three)
    running.process.wait()
    half_written = three.runs / "a" / ".run.json.new"
    half_written.touch()
    assert (three.runs / "workspaces" / "a").is_dir()
    done = three.supervisor("--run-ids=a", "--json")
    assert (done.code, done.runs["a"]["attempt"]) == (0, 1)
    assert sorted(path.name for path in (three.runs / "a").iterdir() if path.name.startswith(".")) == []
    assert not list((three.runs / "workspaces").iterdir())
    assert not (three.top / ".git/worktrees").exists()


def test_who_logs_out_while_runs_execute_loses_none(three: Archive, gate: Any, wait_until: Any) -> None:
    """What systemd does then with what a user has in memory, but for a page under way: logind.conf(5), RemoveIPC."""
    running = three.start("--run-ids=a,b", "--workers=1", "--json", **gate.environment)
    wait_until(gate.arrived)
    folder = process_folder(running.process.pid)
    for semaphore in semaphores(folder):
        semaphore.unlink(missing_ok=True)
    if folder.is_relative_to(MEMORY_BACKED):
        shutil.rmtree(folder)
    gate.open()
    done = running.end()
    assert (done.code, {name: run["attempt"] for name, run in done.runs.items()}) == (0, {"a": 1, "b": 1}), done
