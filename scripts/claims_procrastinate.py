"""`procrastinate` in `scripts/bench claims`, in two ways.

`JobManager.fetch_job` is what its worker itself calls: one job a call, and asynchronous only. `claim` opens the
connector as its documentation does; its pool then looks after the connection and begins and commits a transaction for
each call, as ours does. `claim_bare` is the fastest that its interface permits: a pool made by the caller, which
neither looks nor begins, since the call is one statement that commits by itself, and uvloop.
"""

import asyncio

import uvloop
from claims_race import Lane
from procrastinate.app import App
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg_pool import AsyncConnectionPool

QUEUE = "work"


def fill(url: str, jobs: int) -> None:
    asyncio.run(_fill(url, jobs))


async def _fill(url: str, jobs: int) -> None:
    common = {"queue": QUEUE, "lock": None, "queueing_lock": None, "task_name": "work"}
    app = App(connector=PsycopgConnector(conninfo=url))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await app.job_manager.batch_defer_jobs_async(
            [Job(**common, task_kwargs={"number": number}) for number in range(jobs)]
        )


def claim(url: str, lane: Lane) -> None:
    asyncio.run(_claim(url, lane))


async def _claim(url: str, lane: Lane) -> None:
    connector = PsycopgConnector(conninfo=url, min_size=1, max_size=1)
    await connector.open_async()
    await _fetch(connector, lane)
    await connector.close_async()


def claim_bare(url: str, lane: Lane) -> None:
    uvloop.run(_claim_bare(url, lane))


async def _claim_bare(url: str, lane: Lane) -> None:
    connector = PsycopgConnector()
    options = {"autocommit": True}
    async with AsyncConnectionPool(url, min_size=1, max_size=1, kwargs=options, open=False) as pool:
        await connector.open_async(pool)
        await _fetch(connector, lane)


async def _fetch(connector: PsycopgConnector, lane: Lane) -> None:
    manager = JobManager(connector)
    worker = await manager.register_worker()
    while lane.wants_more():
        job = await manager.fetch_job([QUEUE], worker)
        lane.claimed(job.id)
