"""A page that tesseract needs too much memory for fails alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Bench = Any  # stands in conftest.py, which importlib mode keeps from being imported


def test_a_page_that_takes_more_memory_than_its_job_allows_fails_alone(
    bench: Bench, own: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    bench.draw("small.png", lines=1)
    bench.draw("large.png", lines=12)
    bench.draw("also small.png", lines=2)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "tesseract"
    program.write_text(
        f"""#!/bin/sh
{{ [ "$1" = - ] && read -r page; }} || exec {shutil.which("tesseract")} "$@"
# Reads the pages itself, and not in a pipe: only this process knows how much memory it may take.
shown='1,/^  <.div>$/p'
while [ "$page" ]; do
  if [ "$(stat -c %s "$page")" -gt 150000 ]; then exec {sys.executable} -c 'bytearray(9 << 30)'; fi
  echo "$page" | {shutil.which("tesseract")} "$@" | sed -n "$shown"
  shown="/^  <div class='ocr_page'/,/^  <.div>$/p"
  read -r page || exit
done
"""
    )
    program.chmod(0o755)
    output, _ = own(environment={"PATH": f"{program.parent}:{os.environ['PATH']}"}).communicate(timeout=60)
    assert "1 of 3 documents failed: large.png" in output
    _, documents, tally = bench.stored()
    assert (tally.ocr, tally.failed) == (2, 1)
    assert {one.path: one.error for one in documents} == {
        "also small.png": None,
        "large.png": "tesseract needed more memory than 1,450 MB",
        "small.png": None,
    }
