"""A process for `test_pool.py` to kill: an executor out of a forkserver that recognises one long page.

Arguments: the page, a folder for scratch, spill and slots. Prints the executor's process id.
"""

import multiprocessing
import sys
import threading
from pathlib import Path

from supervisor.ocr.engines.tesseract import probe_tesseract
from supervisor.ocr.events import DocumentFinished, DocumentRequest
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.known import KnownPages, keys_of
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.processing import process_documents
from supervisor.ocr.slots.budget import SlotBudget


def execute(page: str, folder: str) -> None:
    job = Job(name="books", documents=("*",))
    requests = [DocumentRequest(Path(page), "long", job, Path(page).parent) for _ in range(4)]
    tesseract, slots = probe_tesseract(), Path(folder) / "slots"
    slots.mkdir()
    known = KnownPages({job.name: keys_of(job, Path(page).parent, tesseract)})
    with PagePool(
        2,
        tesseract=tesseract,
        slots=SlotBudget(slots, slots=2, memory_bytes=1 << 40),
        cache_directory=None,
        scratch=Path(folder) / "scratch",
        spill=Path(folder) / "spill",
    ) as pool:
        for event in process_documents(requests, pool, known, stop=threading.Event()):
            if isinstance(event, DocumentFinished):
                sys.exit(1)


if __name__ == "__main__":
    executor = multiprocessing.get_context("forkserver").Process(target=execute, args=sys.argv[1:])
    executor.start()
    sys.stdout.write(f"{executor.pid}\n")
    sys.stdout.flush()
    executor.join()
