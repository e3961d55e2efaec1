"""Files that were made to break decoders: each must end as a result or as a reason."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from supervisor.ocr.events import DocumentFinished, DocumentRequest
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.pages.pool import PagePool

EXPECTED = {
    "a.dummy.jpg": "is empty (0 bytes)",
    "qpdf-bad.pdf": "is not an image or a PDF: looks like text",
    "password-is-test.pdf": "is an encrypted PDF; it needs a password",
    "empty.pdf": "is a PDF without pages",
    "bug1020226.pdf": "is a truncated PDF: its end is missing",
    "decompression_bomb.gif": "is far larger than max_image_megapixels = 250 allows",
    "broken.png": "is a PNG image that is damaged or truncated",
}
SUCCEEDING = ["prefect-logo-mark-gradient.png", "enc-XI-R6,V5,O=master.pdf", "g4_orientation_7.tif"]


def test_every_hostile_file_ends(
    corpus: Path,
    tmp_path: Path,
    *,
    make_pool: Callable[..., PagePool],
    make_job: Callable[..., Job],
    finish: Callable[..., dict[str, DocumentFinished]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    files = sorted(file for file in (corpus / "hostile").rglob("*") if file.is_file())
    job = make_job(page_timeout_seconds=3, pages="1")
    requests = [DocumentRequest(file, str(file), job, corpus / "hostile") for file in files]
    good = corpus / "old-books/i014.tiff"
    requests.append(DocumentRequest(good, str(good), make_job(name="good", scale="off"), good.parent))
    before = set(psutil.Process().children(recursive=True))
    with make_pool(tmp_path) as pool:
        results = finish(requests, pool)
    assert len(results) == len(requests) > 100
    for name, finished in results.items():
        if finished.status == "succeeded":
            assert finished.error is None, name
        else:
            assert finished.error, name
            assert finished.error.isprintable(), name
            assert "the program failed" not in finished.error, name
            assert "page process" not in finished.error, name
    by_name = {Path(name).name: finished for name, finished in results.items()}
    assert {name: by_name[name].error for name in EXPECTED} == EXPECTED
    assert [by_name[name].status for name in SUCCEEDING] == ["succeeded"] * len(SUCCEEDING)
    assert by_name["i014.tiff"].pages[0].word_count == 131
    assert "Traceback" not in "".join(capfd.readouterr())
    left = set(psutil.Process().children(recursive=True)) - before
    assert not [process for process in left if process.name() == "tesseract"]
