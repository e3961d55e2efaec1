"""A supervisor that submits runs, for `test_submission.py`: `submitter.py DATABASE_URL RUNS_DIR`.

Each line on standard input is a JSON object: run ids, commit, title, whether to claim the runs, and at which
monotonic time to begin. It is answered with a JSON object: session, rows and workers, or who refused.
"""

import json
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from supervisor.artifacts.layout import RunsDirectory
from supervisor.executor.spec import RunSpec
from supervisor.ocr.job import Job
from supervisor.store import runs
from supervisor.store.engine import open_engine, transaction
from supervisor.supervision.planning import PlannedRun
from supervisor.supervision.presence import being_present, this_supervisor
from supervisor.supervision.submission import Request, RunHeldError, submit


def say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


engine, directory = open_engine(sys.argv[1]), RunsDirectory(Path(sys.argv[2]))
presence = ExitStack()  # until the process ends
say("ready")
for line in sys.stdin:
    asked = json.loads(line)
    spec = RunSpec(["ocr-jobs/a.toml"], [Job(name="books", documents=("**",))], [], [])
    planned = [PlannedRun(run_id, asked["commit"], spec) for run_id in asked["run_ids"]]
    request = Request(planned, asked["repository"], asked["title"], "anna", directory)
    now = datetime.now(UTC)
    me = this_supervisor(asked["workers"])
    presence.enter_context(being_present(directory, me.id))
    while time.monotonic() < asked["begin"]:
        pass
    try:
        submission = submit(engine, request, me, at=now)
    except RunHeldError as error:
        say({"refused": error.message, "exit_code": error.exit_code})
        continue
    if asked["claim"]:
        with transaction(engine) as connection:
            for row in submission.rows:
                runs.claim(connection, submission.worker_ids[0], [row], at=now)
    say({"session": submission.session_id, "rows": submission.rows, "workers": submission.worker_ids})
