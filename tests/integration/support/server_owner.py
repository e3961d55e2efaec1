"""A process that has a Postgres and waits to be killed, for `test_postgres.py`."""

import signal
import sys

from support.postgres import running_postgres

with running_postgres() as server:
    sys.stdout.write(f"{server.folder}\n")
    sys.stdout.flush()
    signal.pause()
