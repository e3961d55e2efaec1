"""An executor whose database server is away for a while, or for good."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from supervisor.executor.messages import Finished, Start
from supervisor.model.states import RunStatus
from supervisor.store.results import PageTally
from support.postgres import PostgresServer

Bench = Any  # the classes stand in conftest.py, which importlib mode keeps from being imported
Started = Any
StartExecutor = Callable[[Start], Started]
EIGHT_PAGES = [("a.tiff", number) for number in range(1, 6)] + [("b.tiff", number) for number in range(1, 4)]


@pytest.fixture
def results_in() -> str:
    return "its own server"


@dataclass
class Door:
    """Where a server that was stopped was listening: nobody is let in."""

    listener: socket.socket
    knocks: int = 0

    def been_knocked_at(self, times: int) -> bool:
        """Turn away who waits; tell whether that many have come so far."""
        with suppress(BlockingIOError):
            while True:
                self.listener.accept()[0].close()
                self.knocks += 1
        return self.knocks >= times


@contextmanager
def closed_door(bench: Bench) -> Iterator[Door]:
    """Count those who try to connect."""
    address = sa.make_url(bench.databases.control_url)
    with socket.create_server((address.host, address.port)) as listener:
        listener.setblocking(False)
        yield Door(listener)


def check_that_all_is_stored_once(bench: Bench, started: Started) -> None:
    assert started.listen_to_the_end()[-1] == Finished(RunStatus.SUCCEEDED, None)
    assert started.executor.reap() is None
    assert started.release()
    assert started.pages() == 8
    pages, documents, tally = bench.stored()
    assert sorted((page.document, page.page_number) for page in pages) == EIGHT_PAGES
    assert all("archive keeps every letter 11" in page.text for page in pages)
    assert [(one.path, one.status, one.page_count) for one in documents] == [
        ("a.tiff", "succeeded", 5),
        ("b.tiff", "succeeded", 3),
    ]
    assert tally == PageTally(total=8, ocr=8)
    recognised = bench.trace("page_recognised")
    assert sorted((line["document"], line["page_number"]) for line in recognised) == EIGHT_PAGES, "one was done twice"


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_what_is_recognised_while_the_server_is_away_is_stored_once_it_is_there(
    bench: Bench, under_way: Started, own_postgres: PostgresServer, *, mode: Any
) -> None:
    own_postgres.stop(mode)
    with closed_door(bench) as door:
        under_way.listen_until(lambda: door.been_knocked_at(3))
        told = under_way.pages()
    assert not under_way.executor.has_ended()
    assert told < 8
    own_postgres.start()
    check_that_all_is_stored_once(bench, under_way)


def test_the_loss_of_a_connection_costs_nothing(bench: Bench, under_way: Started, own_postgres: PostgresServer) -> None:
    bench.engine.dispose()
    for _ in range(3):
        known = under_way.pages()
        assert own_postgres.kill_backends("letters") == 1, "the executor keeps one connection"
        under_way.listen_until(lambda known=known: under_way.pages() > known)
    check_that_all_is_stored_once(bench, under_way)


def test_an_attempt_may_begin_while_the_server_is_away(
    bench: Bench, start_executor: StartExecutor, own_postgres: PostgresServer
) -> None:
    bench.draw("a.png")
    start = bench.start()
    own_postgres.stop()
    with closed_door(bench) as door:
        started = start_executor(start)
        started.listen_until(lambda: door.been_knocked_at(3))
    own_postgres.start()
    assert started.listen_to_the_end()[-1] == Finished(RunStatus.SUCCEEDED, None)
    assert started.executor.reap() is None
    assert len(bench.stored_pages()) == 1


def test_a_server_that_stays_away_fails_the_attempt_in_time_and_it_may_be_tried_again(
    bench: Bench, start_eight_pages: Callable[..., Started], own_postgres: PostgresServer
) -> None:
    started = start_eight_pages(patience_seconds=4)
    url = sa.make_url(bench.databases.control_url)
    own_postgres.stop("immediate")
    with closed_door(bench) as door:
        started.listen_until(lambda: door.been_knocked_at(1))
        # Some of its patience is used up; then the last try, and the end of the page processes.
        started.listen_until(lambda: door.been_knocked_at(3) and started.executor.has_ended(), 4 + 10)
    last = started.listen()[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.transient) == (RunStatus.FAILED, True)
    assert f"database postgresql://postgres:***@127.0.0.1:{url.port}/letters: " in (last.error or "")
    assert started.executor.reap() is None
    assert started.release()
    log = bench.run.log.read_text()
    assert "the attempt cannot go on" in log
    assert str(url.password) not in f"{log} {started.heard} {bench.trace()}"
    own_postgres.start()
    told, (pages, documents, _) = started.pages(), bench.stored()
    assert told <= len(pages) < 8
    assert [one.status for one in documents] == [None, None]
