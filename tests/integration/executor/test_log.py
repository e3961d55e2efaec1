"""What the log of a run tells when things go wrong: every line whole, and with the run's name on it."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from supervisor.executor.messages import Finished
from support.schemas import check_log_line

Bench = Any  # stands in conftest.py, which importlib mode keeps from being imported
Started = Any
OF_RUN = {"run_id": "letters", "attempt": 1, "lease_term": 1}


def lines(bench: Bench) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in bench.run.log.read_bytes().splitlines()]
    for line in found:
        check_log_line(line)
        assert {name: line[name] for name in OF_RUN} == OF_RUN
    return found


def test_the_last_words_of_an_executor_are_there(bench: Bench, start_executor: Callable[..., Started]) -> None:
    bench.draw("a.png")
    started = start_executor(replace(bench.start(), scratch="\0"))
    started.listen_to_the_end()
    started.executor.reap()
    words = [line["event"] for line in lines(bench) if line["level"] == "error"]
    assert words[0] == "Traceback (most recent call last):"
    assert words[-1] == "ValueError: embedded null byte"


def test_a_page_process_that_crashes_is_told_of_with_where_it_was(
    bench: Bench, under_way: Started, family: Callable[..., Any]
) -> None:
    tesseract = family(under_way.executor.pid, "tesseract")[0]
    os.kill(tesseract.ppid(), signal.SIGSEGV)
    assert isinstance(under_way.listen_to_the_end()[-1], Finished)
    under_way.executor.reap()
    found = lines(bench)
    (again,) = [line for line in found if line["event"].startswith("trying again")]
    assert again["event"] == "trying again: the page process was killed by SIGSEGV"
    assert (again["level"], again["document"]) == ("warning", "a.tiff")
    assert "Fatal Python error: Segmentation fault" in [line["event"] for line in found if line["level"] == "error"]
    assert found[-1]["event"] == "ended"
    assert found[-1]["documents"] == {"succeeded": 2}


def test_what_tesseract_said_of_a_page_that_failed_is_told(
    bench: Bench, own: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    bench.draw("a.png")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "tesseract"
    program.write_text(
        f"""#!/bin/sh
case "$*" in --*|*no-such-language*) exec {shutil.which("tesseract")} "$@";; esac
[ "$1" = - ] && read -r page
echo "the picture is cursed" >&2
kill -9 $$
"""
    )
    program.chmod(0o755)
    own(environment={"PATH": f"{program.parent}:{os.environ['PATH']}"}).communicate(timeout=60)
    found = lines(bench)
    (again,) = [line for line in found if line["event"].startswith("trying again")]
    assert again["event"] == "trying again: tesseract was killed by SIGKILL"
    (failed,) = [line for line in found if line["event"] == "page failed"]
    assert (failed["document"], failed["page_number"]) == ("a.png", 1)
    assert (failed["error"], failed["tesseract_said"]) == ("tesseract was killed by SIGKILL", "the picture is cursed")
