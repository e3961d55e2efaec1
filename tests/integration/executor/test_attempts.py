"""What an executor makes of its documents, and what is left of that when it is stopped, fenced out or killed."""

import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from supervisor.executor.messages import (
    DocumentDone,
    DocumentOpened,
    Finished,
    Message,
    PageDone,
    Ready,
    Start,
    Stopped,
)
from supervisor.model.states import ResultStatus, RunStatus
from supervisor.store.results import PageTally

# The classes stand in conftest.py, which importlib mode keeps from being imported.
Bench = Any
Started = Any
StartExecutor = Callable[[Start], Started]
Family = Callable[..., list[psutil.Process]]


def trace(bench: Bench) -> list[dict[str, object]]:
    return [json.loads(line) for line in bench.run.trace.read_text(encoding="utf-8").splitlines()]


def of(kind: type[Message], messages: list[Message]) -> list[Message]:
    return [message for message in messages if isinstance(message, kind)]


def test_an_attempt_from_beginning_to_end(bench: Bench, start_executor: StartExecutor, family: Family) -> None:
    bench.draw("scans/a.png")
    bench.draw("scans/two.tiff", pages=2)
    (bench.workspace / "broken.png").write_text("no picture")
    started = start_executor(bench.start())
    messages = started.listen_to_the_end()
    assert messages[0] == Ready()
    failure = "1 of 3 documents failed: broken.png"
    assert messages[-1] == Finished(RunStatus.FAILED, failure)
    assert sorted((m.document, m.page_count) for m in of(DocumentOpened, messages)) == [
        ("scans/a.png", 1),
        ("scans/two.tiff", 2),
    ]
    pages = [("scans/a.png", 1), ("scans/two.tiff", 1), ("scans/two.tiff", 2)]
    assert sorted((m.document, m.page_number) for m in of(PageDone, messages)) == pages
    ends = {m.document: m.status for m in of(DocumentDone, messages)}
    assert ends == {
        "broken.png": ResultStatus.FAILED,
        "scans/a.png": ResultStatus.SUCCEEDED,
        "scans/two.tiff": ResultStatus.SUCCEEDED,
    }
    group = started.executor.pid
    assert started.executor.reap() is None
    assert family(group) == []
    assert started.release(), "somebody kept the lock"

    store = bench.store()
    documents = {document.path: document for document in store.documents(7, 1)}
    assert store.tally(7, 1) == PageTally(total=3, ocr=3, text_layer=0, cache=0, blank=0, failed=0, skipped=0)
    store.close()
    assert {path: (one.status, one.page_count) for path, one in documents.items()} == {
        "broken.png": ("failed", None),
        "scans/a.png": ("succeeded", 1),
        "scans/two.tiff": ("succeeded", 2),
    }
    assert documents["broken.png"].error
    assert all("archive keeps every letter" in page.text for page in bench.stored_pages())

    staged = bench.run.staging(1) / "output"
    names = sorted(str(path.relative_to(staged)) for path in staged.rglob("*") if path.is_file())
    assert names == [f"scans/{name}.{kind}" for name in ("a.png", "two.tiff") for kind in ("tsv", "txt")]
    assert (staged / "scans/two.tiff.txt").read_text().count("archive") == 2
    assert not bench.run.output.exists(), "publishing is the supervisor's"

    lines = trace(bench)
    assert lines[0]["event"] == "attempt_started"
    assert lines[-1]["event"] == "attempt_finished"
    recognised = [line for line in lines if line["event"] == "page_recognised"]
    assert sorted((line["document"], line["page_number"]) for line in recognised) == pages
    assert all(line["duration_ms"] > 0 and line["word_count"] >= 5 for line in recognised)  # type: ignore[operator]
    log = bench.run.log.read_text()
    assert "run=letters attempt=1 term=1 started: 3 documents" in log
    assert not [
        path for folder in (bench.runs.scratch("letters"), bench.runs.spill("letters")) for path in folder.iterdir()
    ]


def test_a_new_attempt_does_everything_anew_and_begins_the_trace_anew(
    bench: Bench, start_executor: StartExecutor
) -> None:
    bench.draw("a.png")
    for attempt, term in ((1, 1), (2, 2)):
        started = start_executor(bench.start(attempt=attempt, term=term))
        assert started.listen_to_the_end()[-1] == Finished(RunStatus.SUCCEEDED, None)
        started.executor.reap()
        started.release()
        assert {line["attempt"] for line in trace(bench)} == {attempt}
        assert [line["event"] for line in trace(bench)].count("page_recognised") == 1
    assert len(bench.stored_pages(attempt=1)) == len(bench.stored_pages(attempt=2)) == 1


@pytest.fixture
def under_way(bench: Bench, start_executor: StartExecutor, family: Family) -> Started:
    """An attempt at eight pages, of which at least one is stored and one is being recognised."""
    bench.draw("a.tiff", pages=5, lines=12)
    bench.draw("b.tiff", pages=3, lines=12)
    started = start_executor(bench.start(ocr_workers=1))
    started.listen_until(lambda: of(PageDone, started.heard) and family(started.executor.pid, "tesseract"))
    return started


def go_on(bench: Bench, start_executor: StartExecutor, *, term: int) -> list[Message]:
    started = start_executor(bench.start(term=term))
    messages: list[Message] = started.listen_to_the_end()
    assert started.executor.reap() is None
    started.release()
    return messages


def test_a_stop_stores_the_pages_in_flight_and_the_attempt_goes_on_after_them(
    bench: Bench, under_way: Started, start_executor: StartExecutor
) -> None:
    under_way.executor.stop()
    messages = under_way.listen_to_the_end(10)
    assert messages[-1] == Stopped()
    assert under_way.executor.reap() is None
    assert under_way.release()
    stored = len(bench.stored_pages())
    assert stored == len(of(PageDone, messages))
    assert 2 <= stored < 8, "the page in flight is finished, and no further one is begun"
    assert trace(bench)[-1]["event"] == "attempt_stopped"

    messages = go_on(bench, start_executor, term=2)
    assert messages[-1] == Finished(RunStatus.SUCCEEDED, None)
    assert len(of(PageDone, messages)) == 8
    events = Counter(
        (line["event"], line["document"], line["page_number"]) for line in trace(bench) if "page_number" in line
    )
    recognised = {key: count for key, count in events.items() if key[0] == "page_recognised"}
    assert len(recognised) == 8
    assert set(recognised.values()) == {1}, "a stored page was recognised again"
    assert sum(count for key, count in events.items() if key[0] == "page_reused") == stored
    assert {line["lease_term"] for line in trace(bench)} == {1, 2}
    texts = (bench.run.staging(2) / "output/a.tiff.txt").read_text()
    assert texts.count("letter 11") == 5


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
    assert len(stored) >= len(of(PageDone, messages)) >= 1
    messages = go_on(bench, start_executor, term=2)
    assert messages[-1] == Finished(RunStatus.SUCCEEDED, None)
    reused = [line for line in trace(bench) if line["event"] == "page_reused"]
    assert len(reused) == len(stored)
    assert len(bench.stored_pages()) == 8


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


def test_who_holds_an_older_term_writes_nothing_more(bench: Bench, under_way: Started) -> None:
    bench.take_over(term=2)
    store = bench.store()
    before = bench.stored_pages(), store.documents(7, 1), store.tally(7, 1)
    messages = under_way.listen_to_the_end(20)
    assert messages[-1] == Stopped()
    assert under_way.executor.reap() is None
    assert (bench.stored_pages(), store.documents(7, 1), store.tally(7, 1)) == before
    store.close()
    assert len(of(PageDone, messages)) == len(before[0])
    assert "claimed anew" in bench.run.log.read_text()


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
    start = bench.start()
    start.spec["jobs"][0]["languages"] = "eng"  # type: ignore[index]
    started = start_executor(start)
    messages = started.listen_to_the_end()
    assert messages == [Ready()]
    assert started.executor.reap() == "the executor ended with exit code 1; its log tells why"
    assert "ValidationError" in bench.run.log.read_text()


def test_a_database_that_cannot_be_written_fails_the_attempt(bench: Bench, start_executor: StartExecutor) -> None:
    bench.draw("a.png")
    start = bench.start()
    bench.run.database.write_bytes(b"damaged" * 1000)
    started = start_executor(start)
    last = started.listen_to_the_end()[-1]
    assert isinstance(last, Finished)
    assert last.status is RunStatus.FAILED
    assert last.error
    assert "letters.db" in last.error
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
