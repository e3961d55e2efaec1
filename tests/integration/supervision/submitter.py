"""Supervisors for the tests to race with and to kill: `submitter.py SOCKET`.

They are forked off this process, which has imported all they need and opened nothing: one for each connection to the
socket. The first line of a connection tells where the databases are; each further one is a thing to do, and is
answered. All lines are JSON.
"""

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from supervisor.artifacts.layout import RunsDirectory
from supervisor.clock import SystemClock
from supervisor.errors import UsageError
from supervisor.executor.spec import RunSpec
from supervisor.ocr.jobs.job import Job
from supervisor.store import claims
from supervisor.store.claims import Scope
from supervisor.store.databases import Databases
from supervisor.store.engine import open_engine, transaction
from supervisor.store.moments import database_now
from supervisor.store.runs import Handling
from supervisor.store.supervisors import SupervisorRow
from supervisor.supervision.planning.planner import PlannedRun
from supervisor.supervision.presence import being_present, this_supervisor
from supervisor.supervision.submission import Request, RunHeldError, register, submit


class Ahead(SystemClock):
    """The clock of a machine that was set wrong."""

    def __init__(self, hours: float) -> None:
        self.hours = hours

    def now(self) -> datetime:
        return super().now() + timedelta(hours=self.hours)


class Submitter:
    """One of the supervisors."""

    def __init__(self, url: str, runs_dir: str, *, shared: bool) -> None:
        self.directory = RunsDirectory(Path(runs_dir))
        self.databases = Databases(url, None if shared else lambda run_id: self.directory.run(run_id).database)
        self.engine = open_engine(url)
        self.presence = ExitStack()  # until the process ends

    def do(self, asked: Mapping[str, Any]) -> dict[str, object]:
        try:
            return self.work(asked) if asked["work"] else self.submit(asked)
        except (RunHeldError, UsageError) as error:
            return {"refused": error.message, "hint": error.hint, "exit_code": error.exit_code}

    def work(self, asked: Mapping[str, Any]) -> dict[str, object]:
        """Be there for whatever is queued in a session, or in any, and execute nothing."""
        me, scope = self.be_present(asked), Scope(asked["session"], [asked["repository"]])
        with transaction(self.engine) as connection:
            at = database_now(connection, SystemClock())
            return {"workers": register(connection, self.databases, self.directory, me, scope, at=at)}

    def submit(self, asked: Mapping[str, Any]) -> dict[str, object]:
        """Submit runs, and claim as many as asked for; without workers, leave them to others."""
        spec = RunSpec(["ocr-jobs/a.toml"], [Job(name="books", documents=("**",))], [], [])
        request = Request(
            planned=[PlannedRun(run_id, asked["commit"], spec) for run_id in asked["run_ids"]],
            handling={run_id: Handling(**asked["handling"].get(run_id, {})) for run_id in asked["run_ids"]},
            repository=asked["repository"],
            title=asked["title"],
            actor="anna",
            directory=self.directory,
            databases=self.databases,
        )
        me, clock = self.be_present(asked) if asked["workers"] else None, Ahead(asked["hours_ahead"])
        while time.monotonic() < asked["begin"]:
            pass
        submission = submit(self.engine, request, me, clock)
        for worker_id in submission.worker_ids[: asked["claim"]]:
            with transaction(self.engine) as connection:
                claims.claim(connection, worker_id, clock)
        return {"session": submission.session_id, "rows": submission.rows, "workers": submission.worker_ids}

    def be_present(self, asked: Mapping[str, Any]) -> SupervisorRow:
        me = this_supervisor(self.directory, desired_workers=asked["workers"], lease_seconds=60)
        self.presence.enter_context(being_present(self.directory, me.id))
        return me


def serve(connection: socket.socket) -> None:
    def say(answer: object) -> None:
        connection.sendall(f"{json.dumps(answer)}\n".encode())

    lines = map(json.loads, connection.makefile())
    submitter = Submitter(**next(lines))
    say(os.getpid())
    for asked in lines:
        say(submitter.do(asked))


signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        accepted, _ = listener.accept()
        with accepted:
            if os.fork() == 0:
                serve(accepted)
                sys.exit()
