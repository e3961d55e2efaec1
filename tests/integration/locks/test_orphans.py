"""Descendants whose parents are gone, and that have left the group of those who started them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from supervisor.locks import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets processes adopt orphans")

# The daemon ignores SIGTERM, has a session of its own, and its parent has ended when its pid is told.
FAMILY = """
import signal, subprocess, sys
from supervisor.locks.processes import adopt_orphans, kill_own_family
if "adopts" in sys.argv:
    adopt_orphans()
daemon = "(setsid sh -c \\"trap '' TERM; echo \\\\$\\\\$; exec >&-; while :; do sleep 1; done\\" &)"
print(subprocess.run(["sh", "-c", daemon], stdout=subprocess.PIPE, text=True).stdout.strip(), flush=True)
if "ends itself" in sys.argv:
    kill_own_family()
signal.pause()
"""


@pytest.fixture
def leader(request: pytest.FixtureRequest) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", FAMILY, *request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process
        process.kill()


def pid_of_daemon(leader: "subprocess.Popen[str]") -> int:
    assert leader.stdout
    return int(leader.stdout.readline())


@pytest.mark.parametrize("leader", [["adopts"]], indirect=True)
def test_who_adopts_orphans_is_ended_with_them(leader: "subprocess.Popen[str]") -> None:
    daemon, start = pid_of_daemon(leader), processes.started_at(leader.pid)
    assert start is not None
    assert os.getsid(daemon) != leader.pid
    assert processes.end_process_group(leader.pid, start, grace_seconds=0.2)
    assert processes.started_at(daemon) is None


@pytest.mark.parametrize("leader", [[]], indirect=True)
def test_orphans_of_others_are_found_by_nobody(leader: "subprocess.Popen[str]") -> None:
    daemon, start = pid_of_daemon(leader), processes.started_at(leader.pid)
    assert start is not None
    assert processes.end_process_group(leader.pid, start, grace_seconds=0)
    assert processes.started_at(daemon) is not None, "if it is, nobody needs to adopt orphans"
    os.killpg(daemon, signal.SIGKILL)


@pytest.mark.parametrize("leader", [["adopts", "ends itself"]], indirect=True)
def test_who_kills_its_own_family_leaves_nothing(leader: "subprocess.Popen[str]") -> None:
    daemon = pid_of_daemon(leader)
    assert leader.wait(10) == -signal.SIGKILL
    assert processes.started_at(daemon) is None
