"""A session as its supervisor leaves it, read as a timeline."""

from datetime import datetime

import pytest

from supervisor.artifacts.trace import Trace
from supervisor.board.timeline.model import Timeline
from supervisor.board.timeline.reading import read_timeline
from supervisor.executor.messages import Used
from supervisor.model.states import RunStatus
from supervisor.supervision.assignment import Ending
from supervisor.supervision.end import end
from supervisor.supervision.reap import INTERRUPTED
from support.bench import Bench

SUCCEEDED = Ending(RunStatus.SUCCEEDED, "succeeded")
TIMED = {"page_process": 77, "slot": 1, "waiting_ms": 250, "preparing_ms": 100, "recognising_ms": 300}


def read(bench: Bench) -> Timeline:
    return read_timeline(bench.shop.engine, bench.shop.runs_directory, "s", bench.shop.clock)


def work(bench: Bench, ending: Ending | None, *pages: tuple[str, dict[str, object]], worker: int = 0) -> datetime:
    """Execute the next term of the next run, with these pages in its trace; return when it was claimed."""
    assignment = bench.claim(worker)
    row = assignment.row
    assert row.claimed_at is not None
    common = {"document": "a.tiff", "duration_ms": 500, "word_count": 3, "error": None}
    with Trace(
        bench.directory_of(row).trace, run_id=row.run_id, attempt=row.attempt, lease_term=row.lease_term
    ) as trace:
        for number, (event, facts) in enumerate(pages, 1):
            trace.event(event, row.claimed_at, **{**common, "page_number": number, **facts})
    assignment.used = Used(1.5, 300)
    if ending is not None:
        assert end(bench.shop, assignment, ending)
        assignment.release()
        bench.make_due(row.id)
    return row.claimed_at


def test_terms_waits_and_marks_are_those_of_the_history(bench: Bench) -> None:
    run = bench.add("a")
    first = work(bench, INTERRUPTED)
    second = work(bench, SUCCEEDED, worker=1)
    bench.add("b")
    timeline = read(bench)
    assert [(one.run_id, one.lease_term, one.worker, one.claimed_at, one.outcome) for one in timeline.terms] == [
        ("a", 1, bench.workers[0], first, "interrupted"),
        ("a", 2, bench.workers[1], second, "succeeded"),
    ]
    assert [one.resources.cpu_seconds if one.resources else None for one in timeline.terms] == [1.5, 1.5]
    queued, _, interrupted, *_ = bench.events(run)
    assert [(one.run_id, one.queued_at, one.until) for one in timeline.waits[:2]] == [
        ("a", queued.at, first),
        ("a", interrupted.at, second),
    ]
    assert [(one.run_id, one.until) for one in timeline.waits[2:]] == [("b", None)]
    assert [(one.event, one.worker) for one in timeline.marks] == [("interrupted", bench.workers[0])]
    assert timeline.workers == bench.workers
    assert timeline.ends_at == timeline.read_at


def test_pages_stand_in_the_terms_that_made_them(bench: Bench) -> None:
    bench.add("a")
    begin = work(bench, INTERRUPTED, ("page_recognised", TIMED | {"began_at": "2026-11-21T22:00:00.000+00:00"}))
    work(
        bench,
        SUCCEEDED,
        ("page_reused", {}),
        ("page_text_kept", {}),
        ("page_skipped", {}),
        ("page_failed", {"error": "x"}),
    )
    first, second = read(bench).terms
    [page] = first.pages
    assert (page.source, page.page_process, page.slot, page.words) == ("ocr", 77, 1, 3)
    assert page.began_at.isoformat() == "2026-11-21T22:00:00+00:00"
    assert (page.works_from - page.began_at).total_seconds() == 0.25
    assert (page.ended_at - page.began_at).total_seconds() == 0.75
    assert (page.preparing_seconds, page.recognising_seconds) == (0.1, 0.3)
    assert [one.source for one in second.pages] == ["cache", "text_layer", "failed"]
    reused, kept, failed = second.pages
    assert reused.began_at == reused.ended_at >= begin.replace(microsecond=0)
    assert (kept.ended_at - kept.began_at).total_seconds() == 0.5
    assert (failed.error, failed.page_process) == ("x", None)


@pytest.mark.parametrize("left", ["", "{\n", '{"event": "page_recognised"}\n', "\0" * 50])
def test_a_run_whose_trace_is_gone_or_spoilt_is_drawn_from_its_history(bench: Bench, left: str) -> None:
    bench.add("a")
    work(bench, None)
    bench.shop.runs_directory.run("a").trace.write_text(left)
    timeline = read(bench)
    [term] = timeline.terms
    assert (term.outcome, term.ended_at, list(term.pages)) == (None, None, [])
    assert (timeline.pages, timeline.cache_share) == ([], None)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"duration_ms": 10**30},
        {"duration_ms": "long"},
        {"document": ["a"], "word_count": None},
        TIMED | {"began_at": "2026-11-21T22:00:00"},
        TIMED | {"began_at": "2026-11-21T22:00:00Z", "slot": [1]},
    ],
)
def test_pages_of_which_nonsense_is_told_are_left_out(bench: Bench, spoilt: dict[str, object]) -> None:
    bench.add("a")
    work(bench, SUCCEEDED, ("page_recognised", spoilt), ("page_failed", {"error": ["odd"]}))
    [page] = read(bench).pages
    assert (page.source, page.error) == ("failed", "['odd']")


def test_a_session_without_runs_is_a_moment(bench: Bench) -> None:
    timeline = read(bench)
    assert (timeline.terms, timeline.waits, timeline.seconds, timeline.resources) == ([], [], 0.0, None)
