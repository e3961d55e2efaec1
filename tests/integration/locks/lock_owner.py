"""A process that takes a run lock, for the tests to race, stop and kill: `lock_owner.py HOW RUNS_DIR RUN_ID`.

HOW is `hold` (until standard input ends), `stubborn` (the same, ignoring SIGTERM), `executor` (with an executor in a
process group of its own, which shares the lock and outlives us) or `race` (once per line on standard input).
"""

import multiprocessing
import multiprocessing.connection
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from supervisor.locks.descriptor import PassedDescriptor
from supervisor.locks.lockfile import LockHeldError
from supervisor.locks.runlock import ExecutorLockManager


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def executor(passed: PassedDescriptor, started: multiprocessing.connection.Connection) -> None:
    os.setsid()
    signal.alarm(120)  # should the test fail to end it
    descriptor = passed.detach()
    outsider = subprocess.Popen(["sleep", "120"], start_new_session=True)
    started.send((os.getpid(), outsider.pid, os.get_inheritable(descriptor)))
    signal.pause()


def start_executor(locks: ExecutorLockManager, run_id: str) -> None:
    lock = locks.acquire(run_id, term=7)
    context = multiprocessing.get_context("forkserver")
    receiver, sender = context.Pipe(duplex=False)
    context.Process(target=executor, args=(lock.passed(), sender)).start()
    pid, outsider, inheritable = receiver.recv()
    lock.note_process_group(pid)
    say(pid, outsider, inheritable)
    signal.pause()


def race(locks: ExecutorLockManager, run_id: str) -> None:
    say("ready")
    for line in sys.stdin:
        while time.monotonic() < float(line):
            pass
        try:
            lock = locks.acquire(run_id)
        except LockHeldError:
            say("lost")
            sys.stdin.readline()
        else:
            say("won")
            sys.stdin.readline()
            lock.close()
        say("ready")


def main() -> None:
    how, runs_dir, run_id = sys.argv[1:]
    locks = ExecutorLockManager(Path(runs_dir))
    match how:
        case "executor":
            start_executor(locks, run_id)
        case "race":
            race(locks, run_id)
        case "hold" | "stubborn":
            if how == "stubborn":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            lock = locks.acquire(run_id)
            say(os.getpid())
            sys.stdin.read()
            say(lock.close())
        case _:
            sys.exit(f"unknown: {how}")


if __name__ == "__main__":
    main()
