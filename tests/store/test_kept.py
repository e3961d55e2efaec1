import gc
import os
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store.engine import open_engine, transaction
from supervisor.store.kept import KeptEngine
from supervisor.store.urls import parse_url


class Opener:
    def __init__(self, url: str) -> None:
        self.url = url
        self.opened: list[Engine] = []

    def __call__(self) -> Engine:
        self.opened.append(open_engine(self.url))
        with transaction(self.opened[-1]):
            pass
        return self.opened[-1]


@pytest.fixture
def opener(database_url: str, engine: Engine) -> Opener:  # noqa: ARG001 (it makes the tables)
    return Opener(database_url)


def backend(kept: KeptEngine) -> int:
    """What a connection of Postgres is known by to the server."""
    with transaction(kept.get()) as connection:
        found: int = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        return found


def test_it_is_opened_once_and_shared_by_threads(opener: Opener) -> None:
    with KeptEngine(opener) as kept:
        assert opener.opened == []
        found: list[Engine] = []
        threads = [threading.Thread(target=lambda: found.append(kept.get())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [opener.opened[0]] * 8


def test_after_it_was_closed_another_one_is_opened(opener: Opener) -> None:
    with KeptEngine(opener) as kept:
        for times in (1, 2):
            with transaction(kept.get()):
                assert opener.opened[-1].pool.checkedout() == 1  # type: ignore[attr-defined]  # a queue has it
            kept.close()
            kept.close()
            assert opener.opened[-1].pool.checkedin() == 0  # type: ignore[attr-defined]  # as above
            assert len(opener.opened) == times


def test_what_nobody_closes_is_closed_with_its_keeper(opener: Opener) -> None:
    kept = KeptEngine(opener)
    with transaction(kept.get()):
        pass
    pool = opener.opened[0].pool
    assert pool.checkedin() == 1  # type: ignore[attr-defined]  # a queue has it
    del kept
    gc.collect()
    assert opener.opened[0].pool is not pool


def test_a_forked_process_has_connections_of_its_own(opener: Opener, database_kind: str) -> None:
    with KeptEngine(opener) as kept:
        with transaction(kept.get()):
            pass
        before = backend(kept) if database_kind == "postgresql" else None
        child = os.fork()
        if child == 0:
            # Whatever happens, the child must not go on with the tests.
            code = 1
            try:
                ours = kept.get() is not opener.opened[0]
                with transaction(kept.get()) as connection:
                    connection.execute(sa.text("SELECT 1"))
                kept.close()
                del kept
                gc.collect()
                code = 0 if ours else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert kept.get() is opener.opened[0]
        with transaction(kept.get()) as connection:
            connection.execute(sa.text("SELECT 1"))
        if before is not None:
            assert backend(kept) == before


def test_a_file_that_is_another_one_now_is_opened_anew(opener: Opener, database_url: str, database_kind: str) -> None:
    if database_kind == "postgresql":
        pytest.skip("a server has no file")
    file = Path(parse_url(database_url).database or "")
    with KeptEngine(opener) as kept:
        assert kept.get() is kept.get()
        for suffix in ("", "-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        with transaction(kept.get()) as connection:
            connection.execute(sa.text("CREATE TABLE made_anew (n INTEGER)"))
        assert len(opener.opened) == 2
        assert file.exists()
        assert kept.get() is opener.opened[1]
