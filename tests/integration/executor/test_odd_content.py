"""Characters that databases refuse: what comes from outside is stored all the same, on both kinds."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervisor.executor.messages import Finished, Start
from supervisor.model.states import RunStatus
from supervisor.store.results import PageTally

Bench = Any  # the classes stand in conftest.py, which importlib mode keeps from being imported
StartExecutor = Callable[[Start], Any]

on_both = pytest.mark.parametrize("results_in", ["its own file", "a server"])


@on_both
@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        (
            r"printf 'odd \000\377 words' >&2; exit 1",
            "tesseract failed with exit code 1: odd \N{REPLACEMENT CHARACTER} words",
        ),
        (r"$real | sed -u 's/archive/arch\x00ive/'", "the hOCR of the recogniser cannot be read: not well-formed"),
        (r"$real | sed -u 's/archive/arch\xffive/'", "tesseract wrote what is not UTF-8"),
    ],
    ids=["says NUL and odd bytes", "writes NUL", "writes odd bytes"],
)
def test_a_recogniser_with_nul_and_odd_bytes_costs_its_page_and_the_reason_is_stored(
    bench: Bench, own: Callable[..., "subprocess.Popen[str]"], tmp_path: Path, *, instead: str, reason: str
) -> None:
    bench.draw("a.png")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "tesseract"
    program.write_text(
        f"""#!/bin/sh
export LC_ALL=C
real="{shutil.which("tesseract")} $*"
case "$*" in *tessedit_create_hocr*) {instead};; *) exec $real;; esac
"""
    )
    program.chmod(0o755)
    output, _ = own(environment={"PATH": f"{program.parent}:{os.environ['PATH']}"}).communicate(timeout=60)
    assert "error='1 of 1 document failed: a.png'" in output
    _, [document], tally = bench.stored()
    assert tally == PageTally(total=1, failed=1)
    assert document.status == "failed"
    assert document.error.startswith(reason)
    assert bench.trace("page_failed")[0]["error"] == document.error


@on_both
def test_paths_and_errors_with_bytes_that_are_no_text_are_stored(bench: Bench, start_executor: StartExecutor) -> None:
    (bench.workspace / os.fsdecode(b"gr\xfc\xdf.png")).write_bytes(b"no picture")
    content = b"a picture"
    name = hashlib.sha256(content).hexdigest()
    (bench.workspace / "large.png").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{name}\nsize {len(content)}\n"
    )
    lfs = os.fsdecode(b"l\xfcfs")
    stored = bench.directory.root.with_name(lfs) / name[:2] / name[2:4] / name
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"damaged")
    started = start_executor(bench.start(lfs=lfs, ocr_workers=1))
    messages = started.listen_to_the_end()
    assert messages[-1] == Finished(RunStatus.FAILED, "2 of 2 documents failed: gr%FC%DF.png and 1 more")
    assert started.executor.reap() is None
    _, documents, _ = bench.stored()
    errors = {document.path: document.error or "" for document in documents}
    assert errors["gr%FC%DF.png"] == "is not an image or a PDF: looks like text"
    assert "its local copy is damaged; remove " in errors["large.png"]
    assert rf"/l\xfcfs/{name[:2]}/" in errors["large.png"]
    assert started.failures() == errors
    assert {line["document"]: line["error"] for line in bench.trace("document_finished")} == errors
