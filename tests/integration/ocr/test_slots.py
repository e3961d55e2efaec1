"""The budget between real processes, some of which are killed or stopped."""

import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

import psutil
import pytest

from supervisor.errors import SurroundingsError
from supervisor.ocr.slots.budget import SlotBudget
from supervisor.ocr.slots.machine import machine_budget, slots_directory

HERE = Path(__file__).parent


def wait_until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, "the condition did not come true"
        time.sleep(0.005)


@contextmanager
def unprivileged() -> Iterator[Path]:
    """Give a directory to a user whom permissions hold up, as they do not root."""
    user = os.geteuid() or 65534
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, user, -1)
        before = os.geteuid()
        os.seteuid(user)
        try:
            yield Path(folder)
        finally:
            os.seteuid(before)
            Path(folder).chmod(0o700)


class Contestant:
    """A process that takes slots when it is told to."""

    def __init__(self, directory: Path, slots: int, memory_bytes: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "slots_contestant.py", directory, str(slots), str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.answers = self.process.stdout
        os.set_blocking(self.answers.fileno(), False)

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def has_answered(self) -> bool:
        self.answer = (self.answers.readline() or b"").decode().strip()
        return bool(self.answer)

    def ask(self, line: str) -> str:
        self.tell(line)
        wait_until(self.has_answered)
        return self.answer

    def kill(self) -> None:
        self.process.kill()
        with self.process:
            pass


class Table:
    """A budget and its contestants."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.contestants: list[Contestant] = []

    def contestant(self, slots: int = 1, memory_bytes: int = 10) -> Contestant:
        self.contestants.append(Contestant(self.directory, slots, memory_bytes))
        return self.contestants[-1]

    def budget(self, slots: int = 1, memory_bytes: int = 10) -> SlotBudget:
        return SlotBudget(self.directory, slots=slots, memory_bytes=memory_bytes)

    def taken(self) -> list[int | None]:
        return [found.claim and found.claim.pid for found in self.budget().state().taken]

    def waiting(self) -> list[int]:
        return [claim.pid for claim in self.budget().state().waiting]

    def wait_in_line(self, *contestants: Contestant, memory_bytes: int = 1) -> None:
        """Let them ask for a slot one after another, none of which they get."""
        for one in contestants:
            one.tell(f"take {memory_bytes}")
            wait_until(lambda one=one: one.process.pid in self.waiting())


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path / "slots")
    made.directory.mkdir()
    yield made
    for one in made.contestants:
        for child in psutil.Process(one.process.pid).children() if one.process.poll() is None else ():
            child.kill()
        one.kill()


def test_there_are_never_more_than_there_are(tmp_path: Path) -> None:
    slots, memory_bytes, times = 3, 6, 12
    ledger, directory = tmp_path / "ledger", tmp_path / "slots"
    directory.mkdir()
    ledger.write_text("[0, 0]")
    words = [directory, *map(str, (slots, memory_bytes, times)), ledger]
    crowd = [subprocess.Popen([sys.executable, HERE / "slots_crowd.py", *words]) for _ in range(6)]
    assert [process.wait() for process in crowd] == [0] * 6
    assert ledger.read_text() == "[0, 0]"


def test_a_process_alone_takes_all(table: Table) -> None:
    budget = table.budget(slots=3)
    taken = [budget.acquire(1) for _ in range(3)]
    assert table.taken() == [os.getpid()] * 3
    assert not taken[0].is_wanted()
    for slot in taken:
        slot.release()
        slot.release()
    assert not table.taken()


def test_who_waits_longest_is_next(table: Table) -> None:
    first, *others = [table.contestant() for _ in range(4)]
    first.ask("take 1")
    table.wait_in_line(*others)
    assert first.ask("wanted") == "True"
    first.ask("give")
    # It asks again at once: it is the last then.
    first.tell("take 1")
    for one in (*others, first):
        wait_until(one.has_answered)
        assert table.taken() == [one.process.pid]
        one.ask("give")


def test_a_slot_is_free_when_its_holder_is_killed(table: Table) -> None:
    holder, other = table.contestant(), table.contestant()
    holder.ask("take 1")
    table.wait_in_line(other)
    holder.kill()
    wait_until(other.has_answered)


def test_the_queue_forgets_who_is_killed(table: Table) -> None:
    holder, first, second = (table.contestant() for _ in range(3))
    holder.ask("take 1")
    table.wait_in_line(first, second)
    first.kill()
    assert table.waiting() == [second.process.pid]
    holder.ask("give")
    wait_until(second.has_answered)


def test_who_is_stopped_while_it_waits_is_passed_over_and_keeps_its_place(table: Table) -> None:
    holder, first, second, third = (table.contestant() for _ in range(4))
    holder.ask("take 1")
    table.wait_in_line(first, second, third)
    first.process.send_signal(signal.SIGSTOP)
    holder.ask("give")
    wait_until(second.has_answered)
    first.process.send_signal(signal.SIGCONT)
    wait_until(lambda: table.waiting() == [first.process.pid, third.process.pid])
    second.ask("give")
    wait_until(first.has_answered)
    assert not third.has_answered()


def test_a_program_that_inherited_a_slot_keeps_it(table: Table) -> None:
    holder, other = table.contestant(), table.contestant()
    holder.ask("take 1")
    heir = int(holder.ask("lend"))
    try:
        holder.kill()
        table.wait_in_line(other)
        assert table.taken() == [holder.process.pid]
    finally:
        os.kill(heir, signal.SIGKILL)
    wait_until(other.has_answered)


def test_pages_wait_for_memory_in_order(table: Table) -> None:
    holder, large, small = (table.contestant(slots=3, memory_bytes=10) for _ in range(3))
    holder.ask("take 6")
    table.wait_in_line(large, memory_bytes=6)
    # It would fit, and is not to overtake.
    table.wait_in_line(small, memory_bytes=2)
    assert holder.ask("wanted") == "True"
    holder.ask("give")
    wait_until(large.has_answered)
    wait_until(small.has_answered)


def test_a_page_larger_than_the_memory_runs_alone(table: Table) -> None:
    holder, *large = (table.contestant(slots=2, memory_bytes=10) for _ in range(3))
    holder.ask("take 1")
    table.wait_in_line(*large, memory_bytes=11)
    holder.ask("give")
    for one in large:
        wait_until(one.has_answered)
        assert table.taken() == [one.process.pid]
        one.ask("give")


def test_who_may_use_fewer_slots_keeps_nobody_from_the_others(table: Table) -> None:
    holder, bound = table.contestant(slots=1), table.contestant(slots=1)
    holder.ask("take 1")
    table.wait_in_line(bound)
    with table.budget(slots=2).acquire(1):
        assert len(table.taken()) == 2


def test_who_may_use_fewer_slots_is_not_overtaken_on_its_way_to_memory(table: Table) -> None:
    holder, first, second = (table.contestant(slots=slots) for slots in (4, 2, 4))
    holder.ask("take 3")
    table.wait_in_line(first, memory_bytes=10)
    # There is a slot that the first cannot use, and there is memory, without which the first waits on.
    table.wait_in_line(second, memory_bytes=3)
    holder.ask("give")
    wait_until(first.has_answered)
    assert table.taken() == [first.process.pid]
    first.ask("give")
    wait_until(second.has_answered)


def test_an_interrupted_wait_leaves_the_queue(table: Table) -> None:
    def interrupt(_number: int, _frame: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupt)
    with table.budget().acquire(1):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(InterruptedError):
            table.budget().acquire(1)
    signal.signal(signal.SIGALRM, before)
    assert table.waiting() == []
    assert table.taken() == []


def test_who_no_longer_wants_a_slot_leaves_the_queue(table: Table) -> None:
    holder, other = table.contestant(), table.contestant()
    holder.ask("take 1")
    table.wait_in_line(other)
    looks = chain([True] * 5, repeat(False))
    assert table.budget().acquire(1, lambda: next(looks)) is None
    assert table.waiting() == [other.process.pid]
    holder.ask("give")
    wait_until(other.has_answered)


def test_a_free_slot_that_is_not_wanted_is_not_taken(table: Table) -> None:
    assert table.budget().acquire(1, wanted=lambda: False) is None
    assert table.taken() == []


@pytest.mark.parametrize("trap", ["symbolic link", "hard link", "pipe", "directory"])
def test_what_strangers_put_there_is_not_written_to(table: Table, tmp_path: Path, trap: str) -> None:
    precious, name = tmp_path / "precious", table.directory / "slot-001.lock"
    precious.write_text("precious")
    match trap:
        case "symbolic link":
            name.symlink_to(precious)
        case "hard link":
            name.hardlink_to(precious)
        case "pipe":
            os.mkfifo(name)
        case _:
            name.mkdir()
    with table.budget(slots=2).acquire(1):
        assert os.getpid() in table.taken()
    assert precious.read_text() == "precious"


def test_a_record_that_is_none_counts_as_nothing_reserved(table: Table) -> None:
    with table.budget(slots=2).acquire(9):
        (table.directory / "slot-001.lock").write_text('{"memory_bytes": -5')
        assert table.taken() == [None]
        with table.budget(slots=2).acquire(9):
            assert len(table.taken()) == 2


def test_a_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match=r"cannot use .*gone"):
        SlotBudget(tmp_path / "gone", slots=1, memory_bytes=1).acquire(1)


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555])
def test_a_directory_without_the_permissions_is_named(mode: int) -> None:
    with unprivileged() as directory:
        directory.chmod(mode)
        with pytest.raises(SurroundingsError, match=f"cannot use {directory}.*: Permission denied"):
            SlotBudget(directory, slots=1, memory_bytes=1).acquire(1)


def test_files_that_we_may_not_open_are_passed_by() -> None:
    with unprivileged() as directory:
        for name in ("waiting-000.lock", "slot-001.lock"):
            (directory / name).touch(mode=0o000)
        budget = SlotBudget(directory, slots=2, memory_bytes=1)
        with budget.acquire(1):
            assert [found.number for found in budget.state().taken] == [0, 1]


def test_too_many_open_files_are_called_so(table: Table) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(SurroundingsError, match="Too many open files") as raised:
            table.budget().acquire(1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert "ulimit -n" in (raised.value.hint or "")


def test_a_directory_that_is_removed_is_made_again_as_at_first() -> None:
    with tempfile.TemporaryDirectory() as folder:
        parent = Path(folder)
        parent.chmod(0o1777)

        def make() -> Path:
            return slots_directory({}, open_to_all=(parent,)).path

        budget = SlotBudget(make(), slots=1, memory_bytes=1, make=make)
        with budget.acquire(1):
            budget.directory.rename(parent / "old")
        with budget.acquire(1):
            assert len(budget.state().taken) == 1
        assert budget.directory.stat().st_mode & 0o7777 == 0o1777
        # A stranger is faster.
        budget.directory.rename(parent / "older")
        budget.directory.mkdir(mode=0o755)
        with budget.acquire(1):
            assert budget.directory == parent / f"supervisor-slots-{os.getuid()}"


def test_page_processes_can_make_it_again(tmp_path: Path) -> None:
    environment = {"SUPERVISOR_SLOTS_DIR": str(tmp_path / "slots"), "SUPERVISOR_OCR_SLOTS": "1"}
    # This is how a page process gets it.
    budget: SlotBudget = pickle.loads(pickle.dumps(machine_budget(environment)))  # noqa: S301 (our own)  # noqa: S301 (written just here)
    budget.directory.rmdir()
    with budget.acquire(1):
        assert len(budget.state().taken) == 1


def test_those_who_wait_while_it_is_removed_stand_in_line_again(table: Table, tmp_path: Path) -> None:
    holder, *others = (table.contestant() for _ in range(3))
    holder.ask("take 1")
    table.wait_in_line(*others)
    table.directory.rename(tmp_path / "old")
    wait_until(lambda: any(one.has_answered() for one in others))
    wait_until(lambda: len(table.waiting()) == 1)
    assert {*table.waiting(), *table.taken()} == {one.process.pid for one in others}


def test_a_slot_that_no_longer_counts_is_to_be_given_back(table: Table, tmp_path: Path) -> None:
    with table.budget().acquire(1) as slot:
        table.directory.rename(tmp_path / "old")
        assert slot.is_wanted()


def test_other_users_can_lock_the_files(table: Table) -> None:
    before = os.umask(0o077)
    try:
        table.budget().acquire(1).release()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in table.directory.iterdir()} == {0o666}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_users_share_slots() -> None:
    def stranger(user: int) -> str:
        return subprocess.check_output([sys.executable, HERE / "slots_stranger.py", str(user), folder]).decode()

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        assert [stranger(user) for user in (65534, 0, 1234)] == ["None []"] * 3
        directory = slots_directory({}, open_to_all=(Path(folder),)).path
        with SlotBudget(directory, slots=2, memory_bytes=10).acquire(5):
            assert stranger(65534) == f"None [{os.getpid()}]"
