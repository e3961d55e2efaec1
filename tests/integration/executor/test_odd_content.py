"""Characters that databases refuse: what comes from outside is stored all the same, on both kinds."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervisor.executor.messages import DocumentDone, Finished, Start
from supervisor.model.states import ResultStatus, RunStatus

Bench = Any  # the classes stand in conftest.py, which importlib mode keeps from being imported
StartExecutor = Callable[[Start], Any]

on_both = pytest.mark.parametrize("results_in", ["its own file", "a server"])


@on_both
def test_what_a_recogniser_says_with_nul_and_odd_bytes_is_stored(
    bench: Bench, own: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    bench.draw("a.png")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "tesseract"
    program.write_text(
        f"""#!/bin/sh
{shutil.which("tesseract")} "$@" || exit
LC_ALL=C exec sed -i 's/archive/arch\\x00ive\\xff/' "$2.txt" "$2.tsv"
"""
    )
    program.chmod(0o755)
    output, _ = own(environment={"PATH": f"{program.parent}:{os.environ['PATH']}"}).communicate(timeout=60)
    assert "Finished(status=<RunStatus.SUCCEEDED: 'succeeded'>, error=None, transient=False)" in output.splitlines()
    [page] = bench.stored_pages()
    assert page.text.strip() == "The archive\N{REPLACEMENT CHARACTER} keeps every letter 0"
    assert "\tarchive\N{REPLACEMENT CHARACTER}\n" in page.master
    assert (bench.run.staging(1) / "output/a.png.txt").read_text() == page.text


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
    started = start_executor(bench.start(lfs=lfs))
    messages = started.listen_to_the_end()
    assert messages[-1] == Finished(RunStatus.FAILED, "2 of 2 documents failed: gr%FC%DF.png and 1 more")
    assert started.executor.reap() is None
    ends = {one.document: one.status for one in messages if isinstance(one, DocumentDone)}
    assert ends == {"gr%FC%DF.png": ResultStatus.FAILED, "large.png": ResultStatus.FAILED}
    _, documents, _ = bench.stored()
    errors = {document.path: document.error or "" for document in documents}
    assert errors["gr%FC%DF.png"] == "is not an image or a PDF: looks like text"
    assert "its local copy is damaged; remove " in errors["large.png"]
    assert rf"/l\xfcfs/{name[:2]}/" in errors["large.png"]
    assert {line["document"]: line["error"] for line in bench.trace("document_finished")} == errors
