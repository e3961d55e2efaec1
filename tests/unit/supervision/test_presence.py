import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from supervisor.artifacts.layout import RunsDirectory
from supervisor.locks.descriptor import is_locked
from supervisor.locks.machine import this_machine
from supervisor.locks.processes import is_running, started_at
from supervisor.model.liveness import Verdict
from supervisor.store.databases import Databases
from supervisor.store.supervisors import Heard, SupervisorRow
from supervisor.supervision.presence import being_present, judge, may_be_alive, this_supervisor
from support.clocks import BEGIN

PER_RUN = Databases("sqlite:///control.db", per_run=lambda run_id: Path(f"{run_id}.db"))
SHARED = Databases("postgresql://db/ocr", per_run=None)
ANOTHER_NAMESPACE: dict[str, Any] = {"pid_namespace": "pid:[1]", "pid": 1}
ANOTHER_MACHINE: dict[str, Any] = {"boot_id": "other", "machine_id": "other"}
UNSHARED = ["unshare", "--user", "--map-root-user", "--mount"]


@pytest.fixture
def someone(directory: RunsDirectory) -> SupervisorRow:
    """This process, as it is on record."""
    return this_supervisor(directory, desired_workers=2, lease_seconds=60)


def ended_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_beside_its_files_one_lives_while_it_is_present(directory: RunsDirectory, someone: SupervisorRow) -> None:
    # A pid means nothing in another pid namespace, and a lock of the same kernel means the same.
    in_a_container = replace(someone, **ANOTHER_NAMESPACE)
    assert judge(directory, PER_RUN, someone) is judge(directory, PER_RUN, in_a_container) is Verdict.DEAD
    with being_present(directory, someone.id):
        assert judge(directory, PER_RUN, someone) is judge(directory, PER_RUN, in_a_container) is Verdict.ALIVE
    assert judge(directory, PER_RUN, someone) is judge(directory, PER_RUN, in_a_container) is Verdict.DEAD


def test_in_a_shared_database_one_of_our_pids_lives_while_its_process_does(
    directory: RunsDirectory, someone: SupervisorRow
) -> None:
    assert judge(directory, SHARED, someone) is Verdict.ALIVE
    assert judge(directory, SHARED, replace(someone, pid=ended_process())) is Verdict.DEAD
    # Its number belongs to another process now, or the clock of the machine was set.
    later = replace(someone, process_started_at=(started_at(os.getpid()) or 0) - 3600)
    assert judge(directory, SHARED, later) is Verdict.BY_LEASE


def test_in_a_shared_database_a_lock_under_the_same_path_proves_nothing(
    directory: RunsDirectory, someone: SupervisorRow
) -> None:
    in_a_container = replace(someone, **ANOTHER_NAMESPACE)
    assert judge(directory, SHARED, in_a_container) is Verdict.BY_LEASE
    with being_present(directory, someone.id):
        assert judge(directory, SHARED, in_a_container) is Verdict.BY_LEASE
        assert judge(directory, SHARED, replace(someone, pid=ended_process())) is Verdict.DEAD


@pytest.mark.parametrize("databases", [PER_RUN, SHARED], ids=["per run", "shared"])
@pytest.mark.parametrize(
    ("elsewhere", "expected"),
    [
        ({"boot_id": "before"}, Verdict.DEAD),
        (ANOTHER_MACHINE, Verdict.BY_LEASE),
        ({"boot_id": "other", "host": "other"}, Verdict.BY_LEASE),
        ({"boot_id": None}, Verdict.BY_LEASE),
    ],
)
def test_who_runs_under_another_kernel(
    directory: RunsDirectory,
    someone: SupervisorRow,
    databases: Databases,
    elsewhere: dict[str, Any],
    expected: Verdict,
) -> None:
    # Not every machine has an id; here it is taken for one that does.
    there = replace(someone, **{"machine_id": this_machine().machine_id, **elsewhere})
    assert judge(directory, databases, there) is expected


def test_who_cannot_be_seen_may_live_until_its_lease_is_over(directory: RunsDirectory, someone: SupervisorRow) -> None:
    def lives(row: SupervisorRow, seconds: float) -> bool:
        return may_be_alive(directory, SHARED, Heard(row, BEGIN), at=BEGIN + timedelta(seconds=seconds))

    there = replace(someone, **ANOTHER_MACHINE)
    assert [lives(there, seconds) for seconds in (0, 60, 60.001)] == [True, True, False]
    assert lives(replace(there, lease_seconds=120), 61), "it is the lease of that one which counts"
    assert lives(someone, 3600), "who is seen to live needs no lease"
    assert not lives(replace(someone, pid=ended_process()), 0), "nor does who is seen to be dead"


def test_no_name_stands_for_two_processes(directory: RunsDirectory) -> None:
    def name(of: str | None) -> str:
        return this_supervisor(directory, desired_workers=1, lease_seconds=60, name=of).id

    assert name("desk") != name("desk")
    assert name("desk").startswith("desk-")
    assert name(None).startswith(f"{this_machine().host}-{os.getpid()}-")


def test_who_one_is_and_where_its_locks_are_is_on_record() -> None:
    directory = RunsDirectory(Path(os.fsdecode(b"/runs-\xff")))
    me = this_supervisor(directory, desired_workers=3, lease_seconds=7)
    assert (me.runs_directory, me.desired_workers, me.lease_seconds) == ("/runs-\\xff", 3, 7)
    assert (me.pid, me.boot_id) == (os.getpid(), this_machine().boot_id)
    assert is_running(me.pid, me.process_started_at)


def test_who_comes_sweeps_up_after_the_dead_alone(directory: RunsDirectory) -> None:
    folder = directory.root / ".supervisors"
    folder.mkdir(parents=True)
    (folder / "dead.lock").touch()
    (folder / "killed-before-it-was-named.new").touch()
    with (folder / "asked.lock").open("wb") as asked, ExitStack() as stack:
        fcntl.flock(asked, fcntl.LOCK_SH)
        for name in ("one", "two"):
            stack.enter_context(being_present(directory, name))
        assert {path.name for path in folder.iterdir()} == {"one.lock", "two.lock"}
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def at_every_lock() -> list[Callable[[], None]]:
    """What is called just before a file is locked."""
    called: list[Callable[[], None]] = []

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if event == "fcntl.flock":
            for one in called:
                one()

    sys.addaudithook(hook)  # cannot be taken away again; it does nothing where the list is empty
    return called


def test_a_presence_is_never_seen_before_it_is_locked(
    directory: RunsDirectory, at_every_lock: list[Callable[[], None]]
) -> None:
    seen: list[list[Path]] = []
    at_every_lock.append(lambda: seen.append(list(directory.root.rglob("*.lock"))))
    try:
        with being_present(directory, "one"):
            assert list(directory.root.rglob("*.lock"))
    finally:
        at_every_lock.clear()
    assert seen == [[]], "who sweeps at this moment would take it for one of the dead"


def test_who_is_swept_up_before_it_has_its_name_begins_again(
    directory: RunsDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, swept = Path.rename, []

    def swept_just_before(path: Path, target: Path) -> Path:
        if not swept:
            swept.append(path)
            path.unlink()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", swept_just_before)
    with being_present(directory, "one"):
        assert swept
        assert is_locked(directory.root / ".supervisors" / "one.lock")


def test_a_process_can_outlive_the_supervisor_that_it_was(directory: RunsDirectory, someone: SupervisorRow) -> None:
    with being_present(directory, someone.id):
        assert judge(directory, SHARED, someone) is Verdict.ALIVE
        # It is its own runs directory that counts, whatever ours is.
        assert judge(RunsDirectory(directory.root / "other"), SHARED, someone) is Verdict.ALIVE
    assert judge(directory, SHARED, someone) is Verdict.DEAD
    shutil.rmtree(directory.root)
    assert judge(directory, SHARED, someone) is Verdict.ALIVE, "with its directory all that its locks tell is gone"


@pytest.fixture
def sleeper(request: pytest.FixtureRequest) -> Iterator[int]:
    """A process that does nothing; in a mount namespace of its own, if asked for."""
    command = ["sleep", "600"]
    if request.param:
        if subprocess.run([*UNSHARED, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
            pytest.skip("mount namespaces cannot be made here")
        command = [*UNSHARED, *command]
    with subprocess.Popen(command) as process:
        while Path("/proc", str(process.pid), "comm").read_text() != "sleep\n":
            assert process.poll() is None
        yield process.pid
        process.kill()


@pytest.mark.parametrize(
    ("sleeper", "expected"),
    [(False, Verdict.DEAD), (True, Verdict.ALIVE)],
    indirect=["sleeper"],
    ids=["same files", "other files"],
)
def test_the_lock_of_another_process_counts_where_it_certainly_sees_the_same_files(
    directory: RunsDirectory, someone: SupervisorRow, sleeper: int, expected: Verdict
) -> None:
    other = replace(someone, pid=sleeper, process_started_at=started_at(sleeper) or 0.0)
    with being_present(directory, other.id):
        assert judge(directory, SHARED, other) is Verdict.ALIVE
    assert judge(directory, SHARED, other) is expected
