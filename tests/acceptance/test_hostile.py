"""Files that were made to break programs, many in one job beside good scans.

Each single one of them is looked at in `tests/integration/ocr/test_hostile.py`.
"""

import time
from pathlib import Path
from typing import Any

import psutil

from support.thorough import THOROUGH

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported

GOOD = ("a006", "d027", "i014")
MOST_BYTES = 1_500_000_000
ONE_IN = 1 if THOROUGH else 5
BOMBS = ("decompression_bomb.gif", "decompression_bomb_extents.gif", "pages-loop.pdf", "password-is-test.pdf")


def test_hostile_files_have_a_result_or_a_reason_and_good_scans_are_exact(archive: Archive, corpus: Path) -> None:
    hostile = sorted(file for file in (corpus / "hostile").rglob("*") if file.is_file())
    assert len(hostile) > 100
    hostile = [file for number, file in enumerate(hostile) if number % ONE_IN == 0 or file.name in BOMBS]
    for file in hostile:
        archive.write(f"scans/hostile/{file.relative_to(corpus / 'hostile')}", file.read_bytes())
    for name in GOOD:
        archive.write(f"scans/{name}.tiff", (corpus / "old-books" / f"{name}.tiff").read_bytes())
    archive.job("all/hostile", "scans/hostile/**", extra='page_timeout_seconds = 4\nformats = ["txt", "pdf"]')
    archive.job("all/good", "scans/*.tiff")
    archive.job("good", "scans/*.tiff")
    archive.commit()
    running = archive.start("--run-ids=all", "--no-cache", "--json")
    largest = 0
    while running.process.poll() is None:
        largest = max(largest, *(memory(process) for process in archive.processes()), 0)
        time.sleep(0.05)  # to look costs as much as to recognise
    done = running.end()
    assert done.code == 1
    run = done.runs["all"]
    assert run["documents"]["total"] == len(hostile) + len(GOOD)
    assert run["documents"]["succeeded"] + run["documents"]["failed"] == run["documents"]["total"]
    finished = {event["document"]: event for event in archive.events("all", "document_finished")}
    assert len(finished) == run["documents"]["total"]
    for document, event in finished.items():
        assert event["error"] if event["status"] == "failed" else event["error"] is None, document
        assert "the program failed" not in (event["error"] or ""), document
    assert largest < MOST_BYTES
    assert "Traceback" not in done.out + done.err
    assert archive.scratch("all") == []
    alone = archive.supervisor("--run-ids=good", "--no-cache", "--json")
    assert alone.code == 0
    for name in GOOD:
        text = archive.text("all", f"scans/{name}.tiff")
        assert text == archive.text("good", f"scans/{name}.tiff")
        assert len(text) > 100


def memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # ended meanwhile
        return 0
