"""What an executor makes of its documents, and what is left of that when it is stopped, fenced out or killed."""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from supervisor.executor.messages import (
    Advanced,
    Finished,
    Message,
    Ready,
    Start,
    Stopped,
)
from supervisor.model.states import RunStatus
from supervisor.store import claims
from supervisor.store.engine import transaction
from supervisor.store.results import PageTally
from support.run_queue import CLOCK, key_of, page, rescue

# The classes stand in conftest.py, which importlib mode keeps from being imported.
Bench = Any
Started = Any
StartExecutor = Callable[[Start], Started]
Family = Callable[..., list[psutil.Process]]

anywhere = pytest.mark.parametrize("results_in", ["its own file", "a shared file", "a server"])
on_both = pytest.mark.parametrize("results_in", ["its own file", "a server"])


def of(kind: type[Message], messages: list[Message]) -> list[Message]:
    return [message for message in messages if isinstance(message, kind)]


@anywhere
def test_an_attempt_from_beginning_to_end(bench: Bench, start_executor: StartExecutor, family: Family) -> None:
    bench.draw("scans/a.png")
    bench.draw("scans/two.tiff", pages=2)
    (bench.workspace / "broken.png").write_text("no picture")
    started = start_executor(bench.start())
    messages = started.listen_to_the_end()
    assert messages[0] == Ready()
    failure = "1 of 3 documents failed: broken.png"
    assert messages[-1] == Finished(RunStatus.FAILED, failure)
    advances = of(Advanced, messages)
    assert sum(m.documents_opened for m in advances) == 2
    assert sum(m.pages_found for m in advances) == 3
    assert sum(len(m.ended) for m in advances) == 3
    assert started.told() == {"ocr": 3}
    assert list(started.failures()) == ["broken.png"]
    pages = [("scans/a.png", 1), ("scans/two.tiff", 1), ("scans/two.tiff", 2)]
    group = started.executor.pid
    assert started.executor.reap() is None
    assert family(group) == []
    assert started.release(), "somebody kept the lock"

    stored_pages, rows, tally = bench.stored()
    documents = {document.path: document for document in rows}
    assert tally == PageTally(total=3, ocr=3)
    assert {path: (one.status, one.page_count) for path, one in documents.items()} == {
        "broken.png": ("failed", None),
        "scans/a.png": ("succeeded", 1),
        "scans/two.tiff": ("succeeded", 2),
    }
    assert documents["broken.png"].error
    assert all("archive keeps every letter" in page.text for page in stored_pages)

    staged = bench.run.staging(1) / "output"
    names = sorted(str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file())
    assert names == [f"scans/{name}.{kind}" for name in ("a.png", "two.tiff") for kind in ("tsv", "txt")]
    assert (staged / "scans/two.tiff.txt").read_text().count("archive") == 2
    assert not bench.run.output.exists(), "publishing is the supervisor's"

    lines = bench.trace()
    assert lines[0]["event"] == "attempt_started"
    assert lines[-1]["event"] == "attempt_finished"
    recognised = bench.trace("page_recognised")
    assert sorted((line["document"], line["page_number"]) for line in recognised) == pages
    assert all(line["duration_ms"] > 0 and line["word_count"] >= 5 for line in recognised)
    said = json.loads(bench.run.log.read_text().splitlines()[0])
    assert {name: said[name] for name in ("event", "run_id", "attempt", "lease_term", "documents")} == {
        "event": "started",
        "run_id": "letters",
        "attempt": 1,
        "lease_term": 1,
        "documents": 3,
    }
    assert not [
        path
        for folder in (bench.directory.scratch("letters"), bench.directory.spill("letters"))
        for path in folder.glob("*")  # whoever sweeps meanwhile removes the folder itself
    ]


@on_both
@pytest.mark.parametrize("named_again", [False, True], ids=["tried again", "named again"])
def test_a_new_attempt_does_everything_anew_and_begins_the_trace_anew(
    bench: Bench, start_executor: StartExecutor, *, named_again: bool
) -> None:
    bench.draw("a.png")
    attempts = []
    for attempt, term in ((1, 1), (2, 2)):
        if attempt == 2 and named_again:
            bench.end_and_name_again()
        started = start_executor(bench.start(attempt=attempt, term=term))
        assert started.listen_to_the_end()[-1] == Finished(RunStatus.SUCCEEDED, None)
        started.executor.reap()
        started.release()
        assert {line["attempt"] for line in bench.trace()} == {attempt}
        assert len(bench.trace("page_recognised")) == 1
        attempts.append(bench.row)
    assert (attempts[0].id != attempts[1].id) is named_again
    assert [len(bench.stored_pages(row)) for row in attempts] == [1, 1]


def go_on(bench: Bench, start_executor: StartExecutor, *, term: int) -> Started:
    started = start_executor(bench.start(term=term))
    started.listen_to_the_end()
    assert started.executor.reap() is None
    started.release()
    return started


@on_both
def test_a_stop_stores_the_pages_in_flight_and_the_attempt_goes_on_after_them(
    bench: Bench, under_way: Started, start_executor: StartExecutor
) -> None:
    under_way.executor.stop()
    messages = under_way.listen_to_the_end(10)
    assert messages[-1] == Stopped()
    assert under_way.executor.reap() is None
    assert under_way.release()
    stored = len(bench.stored_pages())
    assert stored == under_way.pages()
    assert 2 <= stored < 8, "the page in flight is finished, and no further one is begun"
    assert bench.trace()[-1]["event"] == "attempt_stopped"

    again = go_on(bench, start_executor, term=2)
    assert again.heard[-1] == Finished(RunStatus.SUCCEEDED, None)
    assert again.pages() == 8
    events = Counter(
        (line["event"], line["document"], line["page_number"]) for line in bench.trace() if "page_number" in line
    )
    recognised = {key: count for key, count in events.items() if key[0] == "page_recognised"}
    assert len(recognised) == 8
    assert set(recognised.values()) == {1}, "a stored page was recognised again"
    assert sum(count for key, count in events.items() if key[0] == "page_reused") == stored
    assert {line["lease_term"] for line in bench.trace()} == {1, 2}
    texts = (bench.run.staging(2) / "output/a.tiff.txt").read_text()
    assert texts.count("letter 11") == 5


@on_both
def test_a_killed_executor_is_reported_and_loses_only_the_pages_in_flight(
    bench: Bench, under_way: Started, start_executor: StartExecutor, family: Family
) -> None:
    group = under_way.executor.pid
    os.kill(group, signal.SIGKILL)
    messages = under_way.listen_to_the_end(5)
    assert not of(Finished, messages)
    assert under_way.executor.reap() == "the executor was killed by SIGKILL"
    assert family(group) == []
    assert under_way.release(), "the page processes kept the lock"
    stored = bench.stored_pages()
    assert len(stored) >= under_way.pages() >= 1
    again = go_on(bench, start_executor, term=2)
    assert again.heard[-1] == Finished(RunStatus.SUCCEEDED, None)
    assert len(bench.trace("page_reused")) == len(stored)
    assert len(bench.stored_pages()) == 8


def test_who_holds_an_older_term_writes_nothing_more(bench: Bench, under_way: Started) -> None:
    bench.claim(term=2)
    before = bench.stored()
    check_fenced_out(bench, under_way)
    assert bench.stored() == before
    assert len(before[0]) == under_way.pages()


@pytest.mark.parametrize(("results_in", "claimed"), [("a server", False), ("a server", True), ("a shared file", True)])
def test_who_lost_its_run_to_a_rescuer_writes_nothing_more(bench: Bench, under_way: Started, *, claimed: bool) -> None:
    assert rescue(bench.engine, bench.row, actor="rescuer")
    stored = bench.stored_pages()
    if claimed:
        with transaction(bench.engine) as connection:
            row = claims.claim(connection, "another", CLOCK)
        assert (row.id, row.lease_term) == (bench.row.id, 2)
        store = bench.store()
        assert not store.take_over(key_of(row), row.owner)
        # The new holder is faster than the old one, which is at this page still.
        store.store(key_of(row), [page(len(stored) + 1, "by the new holder")], [])
        store.close()
    before = bench.stored()
    check_fenced_out(bench, under_way)
    assert bench.stored() == before
    assert under_way.pages() == len(stored)


def check_fenced_out(bench: Bench, started: Started) -> None:
    assert started.listen_to_the_end(20)[-1] == Stopped()
    assert started.executor.reap() is None
    assert started.release()
    assert "claimed anew" in bench.run.log.read_text()
