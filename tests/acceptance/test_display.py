"""What people see of a command that executes runs, on a terminal and in the log of a nightly job."""

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyte
import pytest

PROGRAM = Path(sys.executable).with_name("supervisor")
Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


@pytest.fixture
def mixed(archive: Archive) -> Archive:
    """A run of good documents, and one of several that cannot be read."""
    archive.scan("scans/good.png")
    for name in ("one", "two", "three", "four"):
        archive.write(f"scans/{name}.png", f"{name} is no picture")
    archive.job("good", "scans/good.png")
    archive.job("bad", "scans/*.png", extra='exclude = ["scans/good.png"]')
    archive.commit()
    return archive


def test_a_log_has_a_line_for_every_document_that_failed_and_the_table_tells_what_to_do(mixed: Archive) -> None:
    done = mixed.supervisor("--run-ids=good,bad", "--workers=2", "--repo", str(mixed.top), "--verbose")
    assert done.code == 1
    reason = "is not an image or a PDF: looks like text"
    for name in ("one", "two", "three", "four"):
        assert f"bad: failed: scans/{name}.png: {reason}\n" in done.err
        assert f"  scans/{name}.png: {reason}\n" in done.out
    (told,) = [line for line in done.err.splitlines() if "scans/good.png (" in line]
    assert told.startswith("good: scans/good.png (1 page: 1 recognised, ")
    assert ", confidence " in told
    assert [line.split()[:4] for line in done.out.splitlines()[1:4]] == [
        ["good", "succeeded", "1/1", "1"],
        ["bad", "failed", "0/4", "0"],
        ["total", "1/5", "1", "1"],
    ]
    assert "bad failed: 4 of 4 documents\n" in done.out
    assert f"  supervisor show bad --repo {mixed.top}       4 documents failed\n" in done.out
    assert "\x1b" not in done.out + done.err


def test_quiet_and_verbose_exclude_each_other_unless_one_is_nearer(mixed: Archive) -> None:
    both = mixed.supervisor("--run-ids=good", "-q", "-v")
    assert (both.code, both.out) == (2, "")
    assert both.err == "supervisor: --quiet and --verbose exclude each other (leave one of them out)\n"
    mixed.write("supervisor.toml", "quiet = true\n")
    assert "good: scans/good.png (" in mixed.supervisor("--run-ids=good", "-v").err
    coloured = mixed.supervisor("--run-ids=good", SUPERVISOR_VERBOSE="1", FORCE_COLOR="1", TERM="xterm")
    assert "good: scans/good.png (" in coloured.err
    assert all("\x1b[32msucceeded" in text for text in (coloured.out, coloured.err))
    mixed.write("supervisor.toml", "verbose = true\n")
    assert mixed.supervisor("--run-ids=good", "-q").err == ""


def test_on_a_terminal_the_table_is_drawn_in_place_and_gives_way_to_the_report(mixed: Archive) -> None:
    ours, theirs = pty.openpty()
    environment = mixed.environment(TERM="xterm-256color", COLUMNS="80", LINES="24")
    with subprocess.Popen(
        [PROGRAM, "--run-ids=good,bad", "--workers=2"],
        cwd=mixed.top,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while chunk := os.read(ours, 65536):
                written += chunk
        except OSError:
            # A pseudo-terminal whose other side is closed reads like this on Linux.
            pass
    os.close(ours)
    assert process.returncode == 1
    screen = pyte.Screen(80, 60)
    pyte.ByteStream(screen).feed(written)
    shown = [line.rstrip() for line in screen.display if line.strip()]
    assert shown[0].startswith("no database is named")
    assert [line.split()[0] for line in shown[1:8]] == ["run", "run", "run", "good", "bad", "total", "2"]
    assert "recognising" in written.decode(), "there was a table"
    assert "recognising" not in "\n".join(shown), "it is not there any more"
    assert "\x1b[?25h" in written.decode().rpartition("\x1b[?25l")[2], "the cursor is shown again"
