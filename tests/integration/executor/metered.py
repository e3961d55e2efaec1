"""A process with a family like an executor's, which tells what it measures of it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from supervisor.executor.meter import Meter
from supervisor.locks.processes import adopt_orphans


def member(*arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-S", str(Path(__file__).with_name("family_member.py")), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


adopt_orphans()
meter = Meter()
member("burn", "0.3").wait()
killed = member("burn", "60")
member("leave", "0.3").wait()
with member("hold") as holder:
    assert holder.stdout is not None
    holder.stdout.readline()
    meter.read()
while sum(psutil.Process(killed.pid).cpu_times()[:2]) < 0.2:
    time.sleep(0.01)
killed.kill()
killed.wait()
# The orphan, which is ours now; it ends, and nobody waits for it yet.
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
used = meter.read()
sys.stdout.write(json.dumps({"cpu": used.cpu_seconds, "peak": used.peak_memory_bytes}))
# Whoever waits for us is told of its time, too.
os.wait()
