"""A process with a family like an executor's, which tells what it measures of it; and the members of that family."""

import json
import os
import subprocess
import sys
import time

HELD_BYTES = 40 * 2**20


def burn(seconds: float) -> None:
    while time.process_time() < seconds:
        pass


def member(*arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-S", __file__, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def measure() -> None:
    # Members need neither, and start sooner without.
    from supervisor.executor.meter import Meter
    from supervisor.locks.processes import adopt_orphans

    adopt_orphans()
    meter = Meter()
    member("burn", "0.3").wait()
    killed = member("burn", "60")
    member("leave", "0.3").wait()
    with member("hold") as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        meter.read()
    time.sleep(0.2)
    killed.kill()
    killed.wait()
    # The orphan, which is ours now; it ends, and nobody waits for it yet.
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    used = meter.read()
    print(json.dumps({"cpu": used.cpu_seconds, "peak": used.peak_memory_bytes}), flush=True)
    os.wait()


match sys.argv[1:]:
    case ["burn", seconds]:
        burn(float(seconds))
    case ["leave", seconds]:
        member("burn", seconds)
    case ["hold"]:
        block = b"x" * HELD_BYTES
        print("held", flush=True)
        sys.stdin.read()
    case _:
        measure()
