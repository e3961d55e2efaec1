import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.errors import HeldError, SurroundingsError, UsageError
from supervisor.locks.descriptor import LockedFile, is_locked
from supervisor.locks.holder import Holder
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.runlock import ExecutorLockManager

ELSEWHERE = {"machine_id": "m", "boot_id": "b", "host": "elsewhere"}


@pytest.fixture
def locks(tmp_path: Path) -> ExecutorLockManager:
    return ExecutorLockManager(tmp_path)


def record(locks: ExecutorLockManager, run_id: str = "a") -> Path:
    return locks.locks_dir / f"{run_id}.json"


def leave_record(locks: ExecutorLockManager, **changes: str) -> None:
    locks.acquire("a").close()
    record(locks).write_text(replace(Holder.this_process("a", term=1), **changes).to_json(), encoding="utf-8")


def test_a_lock_is_held_until_closed(locks: ExecutorLockManager) -> None:
    assert not locks.is_held("a")
    with locks.acquire("a", term=4) as lock:
        assert locks.is_held("a")
        assert locks.holder("a") == lock.holder
        assert lock.holder.term == 4
        assert not os.get_inheritable(lock.fileno())
    assert not locks.is_held("a")
    assert locks.holder("a") is None
    assert (locks.locks_dir / "a.lock").exists()
    assert not record(locks).exists()
    assert lock.close()


def test_a_second_taker_is_told_who_holds_it(locks: ExecutorLockManager) -> None:
    with locks.acquire("a") as lock, pytest.raises(LockHeldError) as caught:
        locks.acquire("a")
    assert isinstance(caught.value, HeldError)
    assert caught.value.message == f"run 'a' is executing ({lock.holder.describe()})"
    assert caught.value.hint == "supervisor locks"
    assert (caught.value.name, caught.value.holder) == ("a", lock.holder)


def test_a_taker_with_time_waits(locks: ExecutorLockManager) -> None:
    lock = locks.acquire("a")
    closer = threading.Timer(0.3, lock.close)
    closer.start()
    with locks.acquire("a", timeout_seconds=20):
        closer.join()


def test_a_lock_that_is_only_just_being_proved_free_is_waited_for(
    locks: ExecutorLockManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    proving = LockedFile.take(locks.locks_dir / "a.lock")
    assert proving
    monkeypatch.setattr("time.sleep", lambda _: proving.close())
    assert locks.acquire("a").close()


def test_different_runs_do_not_hinder_each_other(locks: ExecutorLockManager) -> None:
    with locks.acquire("a"), locks.acquire("a.json"), locks.acquire("b"):
        assert [(state.kind, state.name, state.held) for state in locks.list()] == [
            ("run", "a.json", True),
            ("run", "a", True),
            ("run", "b", True),
        ]
    assert [state.held for state in locks.list()] == [False] * 3


def test_the_list_of_no_locks_is_empty(locks: ExecutorLockManager) -> None:
    assert locks.list() == []
    assert not locks.locks_dir.exists()


def test_asking_makes_no_file(locks: ExecutorLockManager) -> None:
    assert not locks.is_held("a")
    assert not locks.locks_dir.exists()


def test_who_asks_is_not_taken_for_a_holder(locks: ExecutorLockManager) -> None:
    locks.acquire("a").close()
    path = locks.locks_dir / "a.lock"
    over = threading.Event()
    askers = [threading.Thread(target=lambda: [is_locked(path) for _ in iter(over.is_set, True)]) for _ in "ab"]
    for asker in askers:
        asker.start()
    try:
        assert not any(is_locked(path) for _ in range(2000))
        for _ in range(100):
            assert locks.acquire("a").close()
    finally:
        over.set()
        for asker in askers:
            asker.join()


@pytest.mark.parametrize("damage", ["", "{", "\x00\x01"])
def test_a_damaged_record_hinders_nobody(locks: ExecutorLockManager, damage: str) -> None:
    with locks.acquire("a"):
        record(locks).write_text(damage, encoding="utf-8")
        assert locks.is_held("a")
        assert locks.holder("a") is None
        with pytest.raises(LockHeldError, match=r"run 'a' is executing \(holder not recorded\)"):
            locks.acquire("a")
    record(locks).write_bytes(b"\xff")
    with locks.acquire("a"):
        assert locks.holder("a") is not None


@pytest.mark.parametrize("changes", [{}, {"boot_id": "before"}, {"pid_namespace": "pid:[1]", "host": "container"}])
def test_a_record_left_under_our_kernel_holds_nothing(locks: ExecutorLockManager, changes: dict[str, str]) -> None:
    leave_record(locks, **changes)
    assert not locks.is_held("a")
    assert locks.release("a") is None
    leave_record(locks, **changes)
    assert locks.acquire("a").close()


def test_a_record_left_by_another_machine_keeps_the_lock(locks: ExecutorLockManager) -> None:
    leave_record(locks, **ELSEWHERE)
    assert locks.is_held("a")
    for attempt in (lambda: locks.acquire("a"), lambda: locks.release("a", force=True)):
        with pytest.raises(LockHeldError, match=r"run 'a' is executing \(pid \d+ on elsewhere\)"):
            attempt()
    record(locks).unlink()
    assert locks.acquire("a").close()


def test_a_lock_of_ours_is_not_released_by_ourselves(locks: ExecutorLockManager) -> None:
    with locks.acquire("a"):
        with pytest.raises(LockHeldError) as caught:
            locks.release("a")
        assert caught.value.hint == "supervisor locks release a --force"
        with pytest.raises(LockHeldError):
            locks.release("a", force=True, grace_seconds=0.1)


def test_a_lock_file_that_was_deleted_while_we_opened_it_is_not_taken_for_the_lock(
    locks: ExecutorLockManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = locks.locks_dir / "a.lock"
    real_open = os.open

    def open_and_lose(file: Path, *arguments: int) -> int:
        descriptor = real_open(file, *arguments)
        monkeypatch.undo()
        path.unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_lose)
    with locks.acquire("a") as lock:
        assert os.path.samestat(os.fstat(lock.fileno()), path.stat())


@pytest.mark.parametrize("run_id", ["../a", "/a", ""])
def test_a_run_id_is_not_a_path(locks: ExecutorLockManager, run_id: str) -> None:
    with pytest.raises(UsageError):
        locks.acquire(run_id)


def test_a_link_in_place_of_the_lock_file_is_refused(locks: ExecutorLockManager, tmp_path: Path) -> None:
    locks.acquire("a").close()
    path = locks.locks_dir / "a.lock"
    path.unlink()
    path.symlink_to(tmp_path / "victim")
    for attempt in (lambda: locks.acquire("a"), lambda: locks.is_held("a")):
        with pytest.raises(SurroundingsError, match=r"a\.lock is a symbolic link"):
            attempt()
    assert not (tmp_path / "victim").exists()


def test_a_directory_that_cannot_be_made_is_named() -> None:
    with pytest.raises(SurroundingsError, match=r"cannot use lock file /proc/\.locks/a\.lock: .+") as caught:
        ExecutorLockManager(Path("/proc")).acquire("a")
    assert caught.value.hint == "choose a writable directory with --runs-dir"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only directories")
def test_a_read_only_directory_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SurroundingsError, match="Permission denied"):
        ExecutorLockManager(tmp_path).acquire("a")
