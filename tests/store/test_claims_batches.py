"""Several runs in one call of `ops.claim_runs`, from several people at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2

from supervisor.store.engine import open_engine, transaction
from support import run_queue

ROUNDS = 20


def test_batches_that_cross_lanes_do_not_wait_for_each_other_for_ever(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    with transaction(engine) as connection:
        run_queue.add_session(connection, "s")
        for number in range(40):
            run_queue.add_run(connection, f"r{number}", lane="AB"[number % 2])
    engine.dispose()
    ready = threading.Barrier(2)

    def claim(worker_id: str) -> list[tuple[str, str]]:
        with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
            ready.wait(30)
            cursor.execute("select run_id, lane from ops.claim_runs(%s, 2)", (worker_id,))
            return cursor.fetchall()

    for _ in range(ROUNDS):
        with ThreadPoolExecutor() as threads:
            first, second = threads.map(claim, ("one", "two"))
        assert sorted(lane for _, lane in first + second) == ["A", "B"]
        with closing(psycopg2.connect(postgres_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("update ops.runs set status = 'queued' where status = 'running'")
