"""Executors that are killed, broken, or not what they seem to be."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psutil
import pytest

from supervisor.executor.messages import Finished, Ready, Start, Used
from supervisor.model.states import RunStatus
from supervisor.store.engine import transaction
from supervisor.store.tables import documents

Bench = Any  # the classes stand in conftest.py, which importlib mode keeps from being imported
Started = Any
StartExecutor = Callable[[Start], Started]
Family = Callable[..., list[psutil.Process]]


def test_reaping_ends_what_the_executor_could_not_take_along(bench: Bench, under_way: Started, family: Family) -> None:
    group = under_way.executor.pid
    for process in family(group):
        if process.pid != group:
            process.suspend()  # and so cannot notice that its executor is gone
    os.kill(group, signal.SIGKILL)
    under_way.listen_to_the_end(5)
    assert family(group)
    assert bench.locks.is_held("letters")
    assert under_way.executor.reap() == "the executor was killed by SIGKILL"
    assert family(group) == []
    assert under_way.release()


def test_killing_leaves_nothing(under_way: Started, family: Family) -> None:
    group = under_way.executor.pid
    assert len(family(group)) >= 3  # the executor, a page process, tesseract
    under_way.executor.kill(grace_seconds=0)
    assert family(group) == []
    under_way.listen_to_the_end(5)
    assert under_way.executor.reap() == "the executor was killed by SIGKILL"
    assert under_way.release()


def test_an_executor_can_be_killed_from_its_first_moment(bench: Bench, start_executor: StartExecutor) -> None:
    bench.draw("a.png")
    for term in range(1, 21):
        started = start_executor(bench.start(term=term))
        process = psutil.Process(started.executor.pid)
        started.executor.kill(grace_seconds=0)
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        started.executor.reap()
        assert started.release()


def test_a_defect_of_the_executor_is_in_its_log(bench: Bench, start_executor: StartExecutor) -> None:
    bench.draw("a.png")
    started = start_executor(replace(bench.start(), scratch="\0"))
    messages = started.listen_to_the_end()
    assert [message for message in messages if not isinstance(message, Used)] == [Ready()]
    assert started.executor.reap() == "the executor ended with exit code 1; its log tells why"
    assert "ValueError: embedded null byte" in bench.run.log.read_text()


def damage(bench: Bench) -> None:
    if not bench.databases.shared:
        bench.run.database.write_bytes(b"damaged" * 1000)
        return
    with transaction(bench.engine) as connection:
        documents.drop(connection)


@pytest.mark.parametrize(
    ("results_in", "named"), [("its own file", "letters.db"), ("a server", 'relation "ops.documents" does not exist')]
)
def test_a_database_that_cannot_be_written_fails_the_attempt_for_good(
    bench: Bench, start_executor: StartExecutor, *, named: str
) -> None:
    bench.draw("a.png")
    start = bench.start()
    damage(bench)
    started = start_executor(start)
    last = started.listen_to_the_end(start.patience_seconds)[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.transient) == (RunStatus.FAILED, False)
    assert named in (last.error or "")
    assert started.executor.reap() is None


@pytest.mark.parametrize("words", [b"no JSON", b"[]", b'{"kind": "Exploit"}', b'{"kind": "Ready", "more": 1}'])
def test_what_no_executor_says_harms_nobody(bench: Bench, start_executor: StartExecutor, words: bytes) -> None:
    bench.draw("a.png")
    started = start_executor(bench.start())
    here, there = multiprocessing.Pipe()
    there.send_bytes(words)
    with started.executor.connection:
        started.executor.connection = here
        assert list(started.executor.messages()) == []
        assert here not in started.executor.waitables()
    there.close()
