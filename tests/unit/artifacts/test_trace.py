import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from supervisor.artifacts.trace import Trace, last_event, read_trace

AT = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def test_a_later_term_goes_on_with_the_trace(tmp_path: Path) -> None:
    path = tmp_path / "letters" / "trace.jsonl"
    for term in (1, 2):
        with Trace(path, run_id="letters", attempt=1, lease_term=term) as trace:
            trace.event("attempt_started", AT, documents=term)
    assert [(line["lease_term"], line["documents"]) for line in lines(path)] == [(1, 1), (2, 2)]


def test_an_event_is_one_line_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with Trace(path, run_id="letters", attempt=1, lease_term=1) as trace:
        trace.event("page_recognised", AT, document="scans/bü\nro\u2028.tiff", page_number=2, error=None)
        assert lines(path) == [
            {
                "event": "page_recognised",
                "at": "2026-05-01T12:00:00.123+00:00",
                "run_id": "letters",
                "attempt": 1,
                "lease_term": 1,
                "document": "scans/bü\nro\u2028.tiff",
                "page_number": 2,
                "error": None,
            }
        ]


def test_a_line_that_was_torn_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text('{"event": "attempt_started"}\n{"event": "page_re')
    with Trace(path, run_id="letters", attempt=1, lease_term=2) as trace:
        trace.event("attempt_started", AT)
    assert [line["event"] for line in lines(path)] == ["attempt_started", "attempt_started"]


@pytest.mark.parametrize("after", ["", "\n", '{"event": "page_re', "\0" * 70_000 + "\n", "{}\n" * 200_000])
def test_the_latest_event_is_found_from_the_end_on(tmp_path: Path, after: str) -> None:
    path = tmp_path / "trace.jsonl"
    assert last_event(path) is None
    with Trace(path, run_id="letters", attempt=1, lease_term=1) as trace:
        for number in range(3):
            trace.event("page_recognised", AT, document="x" * 50_000, page_number=number)
    with path.open("a") as file:
        file.write(after)
    assert last_event(path) == list(read_trace(path))[-1]
    path.write_text(after)
    assert last_event(path) is None
