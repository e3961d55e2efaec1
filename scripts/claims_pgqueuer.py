"""`pgqueuer` in `scripts/bench claims`.

`Queries.dequeue` is what its queue manager itself calls; a batch of one is one job a call. Without limits of
concurrency, it leaves out of its statement what would check them. The connection is asyncpg's and the loop uvloop's,
as in its own command: the fastest of what it offers. Each call is one statement, which commits by itself. The tables
are of its default durability, which leaves nothing unlogged.
"""

import uuid
from datetime import timedelta

import asyncpg
import uvloop
from claims_race import Lane
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import EntrypointExecutionParameter, Queries

ENTRYPOINT = "work"


def fill(url: str, jobs: int) -> None:
    uvloop.run(_fill(url, jobs))


async def _fill(url: str, jobs: int) -> None:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.enqueue([ENTRYPOINT] * jobs, [b'{"number": %d}' % number for number in range(jobs)], [0] * jobs)
    await connection.close()


def claim(url: str, lane: Lane) -> None:
    uvloop.run(_claim(url, lane))


async def _claim(url: str, lane: Lane) -> None:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    entrypoints = {ENTRYPOINT: EntrypointExecutionParameter(concurrency_limit=0)}
    manager = uuid.uuid4()
    while lane.wants_more():
        (job,) = await queries.dequeue(
            batch_size=1,
            entrypoints=entrypoints,
            queue_manager_id=manager,
            global_concurrency_limit=None,
            heartbeat_timeout=timedelta(seconds=30),
        )
        lane.claimed(job.id)
    await connection.close()
