"""Files that were made to break decoders: each must end as a result or as a reason."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
MOST_BYTES = 1_500_000_000
SUCCEEDING = ["prefect-logo-mark-gradient.png", "enc-XI-R6,V5,O=master.pdf", "g4_orientation_7.tif"]


def most_memory(is_done: threading.Event) -> int:
    """Return how many bytes the largest descendant of the tests had until it was done."""
    largest = 0
    while not is_done.wait(0.05):
        largest = max(largest, *map(memory, psutil.Process().children(recursive=True)), 0)
    return largest


def memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # ended meanwhile
        return 0


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
    job = make_job(page_timeout_seconds=3, pages="1", formats=["txt", "pdf"])
    requests = [DocumentRequest(file, str(file), job, corpus / "hostile") for file in files]
    good = corpus / "old-books/i014.tiff"
    requests.append(DocumentRequest(good, str(good), make_job(name="good", scale="off"), good.parent))
    before = set(psutil.Process().children(recursive=True))
    with make_pool(tmp_path) as pool, ThreadPoolExecutor() as threads:
        is_done = threading.Event()
        watch = threads.submit(most_memory, is_done)
        try:
            results = finish(requests, pool)
        finally:
            is_done.set()
    assert 0 < watch.result() < MOST_BYTES
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
