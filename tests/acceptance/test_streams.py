"""Commands whose standard streams are full, or closed."""

from pathlib import Path
from typing import Any

import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_report_that_finds_no_room_is_told_of_in_one_line(three: Archive) -> None:
    for words in ("list", "list --json"):
        done = three.shell(f"supervisor {words} > /dev/full").end()
        assert (done.code, len(done.err.splitlines())) == (4, 1), done
        assert "no room is left on a disk" in done.err


def test_closed_streams_are_as_good_as_streams_that_nobody_reads(three: Archive) -> None:
    assert three.shell("supervisor list >&-").end().code == 0
    done = three.shell("supervisor show nobody --json <&- 2>&-").end()
    assert (done.code, done.err) == (2, "")
    assert "nobody" in done.document["error"]["message"]
