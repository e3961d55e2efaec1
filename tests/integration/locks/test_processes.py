import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from supervisor.locks import processes

FAMILY = """
import os, signal, subprocess, sys
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
how = "trap '' TERM" if sys.argv[1] == "stubborn" else ":"
sleep = ["sh", "-c", how + "; echo; for _ in $(seq 120); do sleep 1; done"]
inside = subprocess.Popen(sleep, stdout=subprocess.PIPE)
outside = subprocess.Popen(sleep, stdout=subprocess.PIPE, start_new_session=True)
inside.stdout.readline(), outside.stdout.readline()
print(inside.pid, outside.pid, flush=True)
if sys.argv[1] == "leaderless":
    outside.kill()
    sys.exit()
signal.pause()
"""


@pytest.fixture
def leader(request: pytest.FixtureRequest) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", FAMILY, request.param], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    yield process
    process.kill()
    process.communicate()


def members(leader: "subprocess.Popen[str]") -> tuple[float, list[int]]:
    start = processes.started_at(leader.pid)
    assert start is not None
    assert leader.stdout
    return start, [int(pid) for pid in leader.stdout.readline().split()]


@pytest.mark.parametrize("leader", ["meek", "stubborn"], indirect=True)
def test_nothing_is_left_of_a_group_nor_of_who_left_it(leader: "subprocess.Popen[str]") -> None:
    start, children = members(leader)
    assert all(processes.started_at(pid) for pid in children)
    assert processes.end_process_group(leader.pid, start, grace_seconds=0.5)
    # The leader is a zombie until its parent, this test, asks for its status.
    assert [processes.started_at(pid) for pid in [leader.pid, *children]] == [None] * 3
    assert leader.wait() in {-signal.SIGTERM, -signal.SIGKILL}


@pytest.mark.parametrize("leader", ["leaderless"], indirect=True)
def test_a_group_without_its_leader_is_ended(leader: "subprocess.Popen[str]") -> None:
    start, children = members(leader)
    assert leader.wait() == 0
    assert processes.started_at(children[0])
    assert processes.end_process_group(leader.pid, start, grace_seconds=5)
    assert processes.started_at(children[0]) is None


@pytest.mark.parametrize("leader", ["meek"], indirect=True)
def test_a_recycled_group_is_left_alone(leader: "subprocess.Popen[str]") -> None:
    start, children = members(leader)
    assert processes.end_process_group(leader.pid, start - 60, grace_seconds=0.1)
    assert not processes.send_signal(leader.pid, start - 60, signal.SIGKILL)
    assert all(processes.started_at(pid) for pid in [leader.pid, *children])
    assert processes.end_process_group(leader.pid, start, grace_seconds=0)


def test_a_stopped_process_gets_to_end_in_its_own_way() -> None:
    script = "trap 'exit 5' TERM; echo; while :; do sleep 0.05; done"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        start = processes.started_at(process.pid)
        assert start is not None
        process.send_signal(signal.SIGSTOP)
        assert processes.wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, 30)
        assert processes.end_process(process.pid, start, grace_seconds=10)
    assert process.returncode == 5


def test_init_groups_and_ourselves_are_never_signalled() -> None:
    for pid in (-1, 0, 1, os.getpid()):
        with pytest.raises(ValueError, match="refusing"):
            processes.send_signal(pid, 0.0, signal.SIGTERM)
    for pgid in (-1, 0, 1, os.getpgrp()):
        with pytest.raises(ValueError, match="refusing"):
            processes.end_process_group(pgid, 0.0, grace_seconds=0)


def test_a_zombie_is_gone() -> None:
    with subprocess.Popen(["true"]) as process:
        assert processes.wait_until(lambda: processes.started_at(process.pid) is None, 30)
        assert psutil.pid_exists(process.pid)
