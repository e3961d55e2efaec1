from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from supervisor.logs.lines import LogLine
from supervisor.logs.raw import RawLines

OURS = LogLine(datetime(2026, 11, 21, tzinfo=UTC), "warning", "page failed", {"page_number": 3})


def lines(*pieces: bytes) -> list[LogLine]:
    raw = RawLines()
    taken = [line for piece in pieces for line in raw.take(piece)]
    return taken + list(raw.end())


def told(found: Sequence[LogLine]) -> list[tuple[str, str]]:
    return [(line.level, line.event) for line in found]


def test_our_own_lines_pass_as_they_are() -> None:
    assert lines(OURS.encoded()) == [OURS]


def test_lines_in_pieces_are_put_together() -> None:
    content = b"first\n" + OURS.encoded() + b"last without an end"
    expected = [("output", "first"), ("warning", "page failed"), ("output", "last without an end")]
    assert told(lines(content)) == expected
    assert told(lines(*(content[at : at + 1] for at in range(len(content))))) == expected


@pytest.mark.parametrize(
    ("content", "text"),
    [(b"\xff\xfe\n", "\\xff\\xfe"), (b"a\0b\n", "a\0b"), (b"windows\r\n", "windows"), (b'{"half": \n', '{"half": ')],
)
def test_what_is_no_text_is_kept_all_the_same(content: bytes, text: str) -> None:
    assert told(lines(content)) == [("output", text)]


def test_a_long_line_is_whole_and_an_endless_one_comes_in_pieces() -> None:
    assert told(lines(b"x" * 1_000_000 + b"\n")) == [("output", "x" * 1_000_000)]
    found = lines(*[b"y" * 1_000_000] * 10)
    assert "".join(line.event for line in found) == "y" * 10_000_000
    assert [line.facts for line in found] == [{"continues": True}, {"continues": True}, {}]


def test_a_line_of_ours_behind_one_that_was_never_ended_is_found() -> None:
    assert told(lines(b"TIFFReadDirectory: " + OURS.encoded())) == [
        ("output", "TIFFReadDirectory: "),
        ("warning", "page failed"),
    ]


def test_the_last_words_of_a_process_are_errors() -> None:
    trace = b'Traceback (most recent call last):\n  File "x.py", line 1\n    boom()\nZeroDivisionError: no\nand then\n'
    assert [level for level, _ in told(lines(trace))] == ["error"] * 4 + ["output"]
    fault = b"Fatal Python error: Segmentation fault\n\nCurrent thread 0x01 (most recent call first):\n"
    assert [level for level, _ in told(lines(fault + b'  File "x.py", line 1 in f\n'))] == ["error"] * 3


def test_empty_lines_are_nothing() -> None:
    assert lines(b"\n\n  \n") == []
