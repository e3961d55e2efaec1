"""What the database tells those who watch, while runs execute and when they have ended."""

import sqlite3
from contextlib import closing
from typing import Any

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def progress(archive: Archive) -> tuple[Any, ...]:
    columns = "stage, documents, documents_opened, documents_done, pages, pages_ocr, pages_cache"
    with closing(sqlite3.connect(archive.runs / "control.db")) as connection:
        found: tuple[Any, ...] = connection.execute(f"select {columns} from run_progress").fetchone()  # noqa: S608 (ours)
    return found


def test_how_far_a_run_is_stands_in_the_database(archive: Archive, gate: Any, wait_until: Any) -> None:
    archive.book("scans/a.tiff", pages=3)
    archive.scan("scans/b.png")
    archive.job("a", "scans/*")
    archive.commit()
    running = archive.start("--run-ids=a", "--ocr-workers=1", **gate.environment)
    wait_until(gate.arrived)
    wait_until(lambda: progress(archive)[0] == "recognising")
    gate.let_through(2)
    wait_until(lambda: progress(archive) == ("recognising", 2, 2, 0, 4, 2, 0))
    running.ctrl_c()
    wait_until(lambda: archive.has_heard_to_stop("a"))
    gate.open()
    assert running.end().code == 130
    assert progress(archive) == ("interrupted", 2, 2, 1, 4, 3, 0), "with the page that was in flight"
    assert archive.supervisor("--run-ids=a").code == 0
    assert progress(archive) == ("succeeded", 2, 2, 2, 4, 4, 0), "pages that were stored before are told anew"
