import faulthandler
import logging
import os
import sys
from collections.abc import Iterator

import pytest

from supervisor.logs.lines import LogLine, decoded
from supervisor.logs.standard import facts, heard_by, log_to


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Python's root logger, as it was before when the test is over."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield root
    root.handlers[:], root.level = before
    faulthandler.enable(sys.__stderr__)  # as pytest has it


def test_what_is_logged_is_written_as_lines_of_ours(root: logging.Logger) -> None:
    reader, writer = os.pipe()
    log_to(writer, "info")
    logging.getLogger("elsewhere").debug("too little")
    logging.getLogger("elsewhere").warning("%d pages", 3, extra=facts(document="a.png"))
    line = decoded(os.read(reader, 4096))
    assert line is not None
    assert (line.level, line.event) == ("warning", "3 pages")
    assert line.facts == {"logger": "elsewhere", "document": "a.png"}
    os.close(reader)
    root.warning("nobody reads this, and nobody minds")
    os.close(writer)


def test_what_our_modules_log_is_heard() -> None:
    lines: list[LogLine] = []
    with heard_by(lines.append):
        logging.getLogger("supervisor.ocr.cache").warning("full")
        logging.getLogger("elsewhere").error("not ours")
        try:
            1 / 0  # noqa: B018 (for its error)
        except ZeroDivisionError:
            logging.getLogger("supervisor").exception("a defect")
    logging.getLogger("supervisor").info("later")
    assert [line.event for line in lines] == ["full", "a defect"]
    assert "ZeroDivisionError" in str(lines[1].facts["exception"])
