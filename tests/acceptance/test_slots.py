"""One budget of OCR slots for everything that runs on a machine."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pymupdf
import pytest

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


class Watch:
    """Looks again and again at how many tesseracts are alive that use some slots."""

    def __init__(self, slots: Path) -> None:
        self._mark = f"SUPERVISOR_SLOTS_DIR={slots}".encode()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def alive(self) -> set[int]:
        return {process.pid for process in psutil.process_iter() if self._counts(process)}

    def _look(self) -> None:
        # A tesseract lives for longer, and looking without end keeps half a core from it.
        while not self._over.wait(0.03):
            self.most = max(self.most, len(self.alive()))

    def _counts(self, process: psutil.Process) -> bool:
        try:
            if process.name() != "tesseract" or process.status() == psutil.STATUS_ZOMBIE:
                return False
            return self._mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
        except (psutil.Error, OSError):  # ended meanwhile
            return False


@pytest.fixture
def slots(tmp_path: Path) -> Path:
    folder = tmp_path / "slots"
    folder.mkdir()
    return folder


def test_six_supervisors_together_start_no_more_tesseracts_than_there_are_slots(archive: Archive, slots: Path) -> None:
    for number in range(6):
        archive.scan(f"scans/{number}/1.png", f"scans/{number}/2.png")
        archive.job(f"r{number}", f"scans/{number}/*.png")
    archive.commit()
    environment = {"SUPERVISOR_SLOTS_DIR": str(slots), "SUPERVISOR_OCR_SLOTS": "2"}
    with Watch(slots) as watch:
        # What tesseract is must be found out first, and so by tesseract itself.
        running = [
            archive.start(f"--run-ids=r{number}", "--ocr-workers=2", "--quiet", **environment) for number in range(6)
        ]
        assert [one.end().code for one in running] == [0] * 6
    assert 1 <= watch.most <= 2
    assert sum(len(archive.recognised(f"r{number}")) for number in range(6)) == 12


def test_one_document_of_many_pages_keeps_every_slot_busy(
    archive: Archive, slots: Path, wait_until: Callable[..., None]
) -> None:
    archive.scan(*(f"{number}.png" for number in range(6)))
    with pymupdf.open() as book:
        for number in range(6):
            page = book.new_page(width=192, height=38)
            page.insert_image(page.rect, filename=archive.top / f"{number}.png")
            (archive.top / f"{number}.png").unlink()
        archive.write("scans/book.pdf", book.tobytes())
    archive.job("a", "scans/*.pdf")
    archive.commit()
    environment = {"SUPERVISOR_SLOTS_DIR": str(slots), "SUPERVISOR_OCR_SLOTS": "3"}
    with Watch(slots) as watch:
        running = archive.start("--run-ids=a", "--json", **environment)
        wait_until(lambda: len(watch.alive()) == 3)
        done = running.end()
    assert done.runs["a"]["pages"]["ocr"] == 6
    assert watch.most == 3
