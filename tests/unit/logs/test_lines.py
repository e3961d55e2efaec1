import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from supervisor.errors import UsageError
from supervisor.logs.lines import LogLine, chosen_level, decoded

AT = datetime(2026, 11, 21, 20, 15, 3, 250, tzinfo=UTC)


def test_a_line_is_one_json_object_with_time_in_utc() -> None:
    nepal = timezone(timedelta(hours=5, minutes=45))
    line = LogLine(AT.astimezone(nepal), "info", "started", {"run_id": "a", "documents": 3})
    assert line.encoded() == (
        b'{"timestamp": "2026-11-21T20:15:03.000250Z", "level": "info", "event": "started", '
        b'"run_id": "a", "documents": 3}\n'
    )
    assert decoded(line.encoded()) == LogLine(AT, "info", "started", {"run_id": "a", "documents": 3})


@pytest.mark.parametrize("text", ["two\nlines", "nul \0", "lone \ud800", "\x1b[31m", "line\u2028separator", "ü"])
def test_whatever_a_text_holds_stays_on_one_line(text: str) -> None:
    content = LogLine(AT, "error", text).encoded()
    assert content.count(b"\n") == 1
    assert json.loads(content)["event"] == text


@pytest.mark.parametrize(
    "line",
    [
        b"plain text",
        b"",
        b"{}",
        b"[1]",
        b'{"timestamp": "2026-11-21T20:15:03Z", "level": "info"}',
        b'{"timestamp": "2026-11-21T20:15:03", "level": "info", "event": "no zone"}',
        b'{"timestamp": "yesterday", "level": "info", "event": "x"}',
        b'{"timestamp": 3, "level": "info", "event": "x"}',
        b'{"timestamp": "2026-11-21T20:15:03Z", "level": "fatal", "event": "x"}',
        b'{"timestamp": "2026-11-21T20:15:03Z", "level": ["info"], "event": "x"}',
        b'{"timestamp": "2026-11-21T20:15:03Z", "level": "info", "event": 3}',
        b'{"timestamp": "2026-11-21T20:15:03Z", "level": "info", "event": "x", "n": NaN}',
        b'{"timestamp": "2026-11-21T20:15:03Z", "level": "info", "event": "x", "n": 1e999}',
        b'{"a": ' + b"[" * 100_000,
        b'{"timestamp": "2026-11-21T20:15:03Z", "level": "info", "event": "x", "n": ' + b"[" * 700 + b"]" * 700 + b"}",
        b'{"timestamp": "0001-01-01T00:00:00+14:00", "level": "info", "event": "before all times"}',
        b'{"timestamp": "9999-12-31T23:59:59-14:00", "level": "info", "event": "after all times"}',
        b'{"timestamp": "2026-11-21T20:15:03Z", "level": "info", "event": "\xff"}',
    ],
)
def test_what_is_no_line_of_ours_is_not_taken_for_one(line: bytes) -> None:
    assert decoded(line) is None


def test_the_level_is_chosen_by_the_environment() -> None:
    assert chosen_level({}) == "info"
    assert chosen_level({"SUPERVISOR_LOG_LEVEL": "DEBUG"}) == "debug"
    with pytest.raises(UsageError, match="SUPERVISOR_LOG_LEVEL: there is no level 'loud'"):
        chosen_level({"SUPERVISOR_LOG_LEVEL": "loud"})


def test_levels_are_ordered_and_output_counts_as_information() -> None:
    output = LogLine(AT, "output", "x")
    assert output.is_at_least("info")
    assert not output.is_at_least("warning")
