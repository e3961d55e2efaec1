import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.locks import processes
from supervisor.locks.descriptor import LockedFile
from supervisor.locks.holder import Holder
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.runlock import ExecutorLockManager

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def locks(tmp_path: Path) -> ExecutorLockManager:
    return ExecutorLockManager(tmp_path)


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def tell(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdin
    process.stdin.write(text + "\n")
    process.stdin.flush()


def is_gone(pid: int) -> bool:
    return processes.started_at(pid) is None


def test_the_lock_lives_until_supervisor_and_executor_are_both_gone(start: Start, locks: ExecutorLockManager) -> None:
    supervisor = start("executor")
    executor, outsider, inheritable = line(supervisor).split()
    assert inheritable == "False"
    supervisor.kill()
    supervisor.wait()
    assert locks.is_held("a")
    with pytest.raises(LockHeldError) as caught:
        locks.acquire("a")
    holder = caught.value.holder
    assert holder is not None
    assert (holder.pid, holder.term, holder.process_group) == (supervisor.pid, 7, int(executor))
    assert holder.is_alive() is False
    os.kill(int(executor), signal.SIGKILL)
    os.kill(int(outsider), signal.SIGKILL)
    assert processes.wait_until(lambda: not locks.is_held("a"), 30)
    assert locks.acquire("a").close()


def test_closing_leaves_the_lock_to_the_executor(locks: ExecutorLockManager) -> None:
    lock = locks.acquire("a")
    copy = os.dup(lock.fileno())
    assert not lock.close()
    assert locks.holder("a") == lock.holder
    os.close(copy)
    assert lock.close()


def test_of_many_takers_exactly_one_wins(start: Start) -> None:
    racers = [start("race") for _ in range(3)]
    for _ in range(30):
        assert [line(racer) for racer in racers] == ["ready"] * 3
        begin = time.monotonic() + 0.005
        for racer in racers:
            tell(racer, str(begin))
        assert sorted(line(racer) for racer in racers) == ["lost", "lost", "won"]
        for racer in racers:
            tell(racer, "next")


def test_release_ends_executor_and_supervisor(start: Start, locks: ExecutorLockManager) -> None:
    supervisor = start("executor")
    executor, outsider, _ = map(int, line(supervisor).replace("False", "0").split())
    with pytest.raises(LockHeldError):
        locks.release("a")
    assert not is_gone(executor)
    released = locks.release("a", force=True, grace_seconds=0.3)
    assert released is not None
    assert released.pid == supervisor.pid
    assert all(is_gone(pid) for pid in (supervisor.pid, executor, outsider))
    assert not locks.is_held("a")


def test_release_ends_an_executor_whose_supervisor_is_gone(start: Start, locks: ExecutorLockManager) -> None:
    supervisor = start("executor")
    executor, outsider, _ = map(int, line(supervisor).replace("False", "0").split())
    supervisor.kill()
    supervisor.wait()
    assert locks.release("a", force=True, grace_seconds=5)
    assert is_gone(executor)
    assert is_gone(outsider)


@pytest.mark.parametrize("how", ["hold", "stubborn"])
def test_release_ends_a_stopped_holder(start: Start, locks: ExecutorLockManager, how: str) -> None:
    holder = start(how)
    line(holder)
    holder.send_signal(signal.SIGSTOP)
    assert locks.release("a", force=True, grace_seconds=0.3)
    assert holder.wait() == -(signal.SIGTERM if how == "hold" else signal.SIGKILL)
    assert locks.acquire("a").close()


def record(locks: ExecutorLockManager, holder: Holder) -> None:
    (locks.locks_dir / "a.json").write_text(holder.to_json(), encoding="utf-8")


@pytest.mark.parametrize(
    "wrong",
    [
        {"process_started_at": 1.0, "process_group_started_at": 1.0},
        {"boot_id": "before"},
        {"machine_id": "m", "boot_id": "b", "host": "elsewhere"},
        {"pid_namespace": "pid:[1]"},
    ],
)
def test_release_signals_nobody_who_is_not_surely_the_holder(
    locks: ExecutorLockManager, wrong: dict[str, float | str]
) -> None:
    locked = LockedFile.take(locks.locks_dir / "a.lock")
    assert locked
    with contextlib.closing(locked), subprocess.Popen(["sleep", "300"], start_new_session=True) as bystander:
        started = processes.started_at(bystander.pid)
        assert started is not None
        truth = replace(
            Holder.this_process("a", term=1),
            pid=bystander.pid,
            process_started_at=started,
            process_group=bystander.pid,
            process_group_started_at=started,
        )
        record(locks, replace(truth, **wrong))
        with pytest.raises(LockHeldError) as caught:
            locks.release("a", force=True, grace_seconds=0.2)
        assert str(wrong.get("host", truth.host)) in caught.value.message
        assert bystander.poll() is None
        record(locks, truth)
        with pytest.raises(LockHeldError):  # the lock is this test's: the right record ends the bystander for nothing
            locks.release("a", force=True, grace_seconds=0.2)
        assert bystander.wait() == -signal.SIGTERM


def test_release_of_a_lock_that_nobody_recorded_says_how_to_find_who_has_it(locks: ExecutorLockManager) -> None:
    locked = LockedFile.take(locks.locks_dir / "a.lock")
    assert locked
    with contextlib.closing(locked), pytest.raises(LockHeldError, match="holder not recorded") as caught:
        locks.release("a", force=True)
    assert caught.value.hint == f"find who has it with: fuser -v {locks.locks_dir / 'a.lock'}"


def test_a_holder_in_another_pid_namespace(start: Start, locks: ExecutorLockManager) -> None:
    unshare = shutil.which("unshare")
    new_namespace = ("--pid", "--fork", "--kill-child", "--mount-proc")
    if not unshare or subprocess.run([unshare, *new_namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("making a pid namespace is not allowed here")
    holder = start("hold", before=(unshare, *new_namespace))
    assert line(holder) == "1"
    recorded = locks.holder("a")
    assert recorded is not None
    assert recorded.is_alive() is None
    with pytest.raises(LockHeldError) as caught:
        locks.release("a", force=True)
    assert caught.value.hint
    assert "in the same container" in caught.value.hint
    holder.kill()
    holder.wait()
    assert processes.wait_until(lambda: not locks.is_held("a"), 30)
