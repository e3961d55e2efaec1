"""A process that claims runs, for `test_claims.py`: `claimer.py URL NAME`.

Each line on standard input names rows of `runs`, and is answered with the row that was claimed, or 0.
"""

import sys
from datetime import UTC, datetime

from supervisor.store import runs
from supervisor.store.engine import open_engine, transaction

url, name = sys.argv[1:]
engine = open_engine(url)
sys.stdout.write("ready\n")
sys.stdout.flush()
for line in sys.stdin:
    with transaction(engine) as connection:
        row = runs.claim(connection, name, [int(word) for word in line.split()], at=datetime.now(UTC))
    sys.stdout.write(f"{row.id if row else 0}\n")
    sys.stdout.flush()
engine.dispose()
