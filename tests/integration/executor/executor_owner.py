"""A supervisor for the tests to kill: `executor_owner.py START RUNS_DIR`, START being a start message in JSON.

Takes run lock and lease, starts the executor and prints its pid, then every message it hears, and at the end how the
executor died.
"""

import json
import os
import sys
from multiprocessing.connection import wait
from pathlib import Path

from supervisor.artifacts.layout import RunsDirectory
from supervisor.executor.child import Executor
from supervisor.executor.forkserver import ensure_fork_server
from supervisor.executor.messages import Ready, Start
from supervisor.locks.lease import WorkspaceLease
from supervisor.locks.runlock import ExecutorLockManager


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


start = Start(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
runs = RunsDirectory(Path(sys.argv[2]))
ensure_fork_server(os.environ)
lock = ExecutorLockManager(runs.root).acquire(start.run_id, term=start.lease_term)
lease = WorkspaceLease(runs.root, Path(start.workspace), run_id=start.run_id, term=start.lease_term).acquire()
executor = Executor(start, run_lock=lock.fileno(), lease=lease.fileno(), log=runs.run(start.run_id).log)
ended = False
while not ended:
    wait(executor.waitables())
    ended = executor.has_ended()
    for message in executor.messages():
        if message == Ready():
            lock.note_process_group(executor.pid)
            say(str(executor.pid))
        else:
            say(repr(message))
say(str(executor.reap()))
lease.close()
say(str(lock.close()))
