from datetime import UTC, datetime

import pytest

from supervisor.logs.earlier import LineParser
from supervisor.logs.lines import LogLine

OURS = LogLine(datetime(2026, 11, 21, tzinfo=UTC), "info", "started", {"run_id": "a", "attempt": 2, "lease_term": 5})


def test_plain_text_of_earlier_versions_is_understood() -> None:
    parser = LineParser()
    line = parser.parse(b"2026-11-21 20:15:03,250 ERROR run=a attempt=1 term=2 the attempt cannot go on")
    assert (line.level, line.event) == ("error", "the attempt cannot go on")
    assert line.facts == {"run_id": "a", "attempt": 1, "lease_term": 2}
    assert f"{line.at.astimezone():%H:%M:%S.%f}" == "20:15:03.250000"


def test_what_follows_a_line_belongs_to_it() -> None:
    parser = LineParser()
    head = parser.parse(b"2026-11-21 20:15:03,250 ERROR run=a attempt=1 term=2 boom")
    for text in (b"Traceback (most recent call last):", b"  \xff"):
        line = parser.parse(text)
        assert (line.level, line.at, line.facts) == ("output", head.at, head.facts)
    assert parser.parse(OURS.encoded().rstrip()) == OURS
    assert parser.parse(b"torn {").facts == OURS.facts


def test_what_stands_first_may_belong_to_nothing() -> None:
    assert LineParser().parse(b"no line of ours").facts == {}


@pytest.mark.parametrize("when", ["2026-13-45 99:99:99,000", "0000-01-01 00:00:00,000"])
def test_what_only_looks_like_a_line_is_text(when: str) -> None:
    text = f"{when} ERROR run=a attempt=1 term=2 boom"
    line = LineParser().parse(text.encode())
    assert (line.level, line.event) == ("output", text)
