"""A process for `test_pool.py` to kill: an executor out of a forkserver that recognises one long page.

Arguments: the page, a folder for scratch and spill. Prints the executor's process id.
"""

import multiprocessing
import sys
import threading
from pathlib import Path

from supervisor.ocr.job import Job
from supervisor.ocr.pool import PagePool
from supervisor.ocr.processing import DocumentFinished, DocumentRequest, process_documents


def execute(page: str, folder: str) -> None:
    job = Job(name="books", documents=("*",))
    requests = [DocumentRequest(Path(page), "long", job, Path(page).parent) for _ in range(4)]
    with PagePool(2, scratch=Path(folder) / "scratch", spill=Path(folder) / "spill") as pool:
        for event in process_documents(requests, pool, stop=threading.Event()):
            if isinstance(event, DocumentFinished):
                sys.exit(1)


if __name__ == "__main__":
    executor = multiprocessing.get_context("forkserver").Process(target=execute, args=sys.argv[1:])
    executor.start()
    sys.stdout.write(f"{executor.pid}\n")
    sys.stdout.flush()
    executor.join()
