"""Pages without room: nothing is said of their documents, what is at work is finished, and the reason comes out."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.errors import NoRoomError
from supervisor.ocr.events import DocumentFinished, DocumentRequest, PageFinished
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.processing import process_documents
from support.small_disk import SmallDisk

MakePool = Callable[..., PagePool]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "disk", 40_000_000)
    yield made
    made.unmount()


@pytest.fixture
def requests(tmp_path: Path, draw: Any, make_job: Any) -> list[DocumentRequest]:
    found = []
    for number in range(4):
        draw(f"page {number}").save(tmp_path / f"{number}.png", dpi=(300, 300))
        found.append(DocumentRequest(tmp_path / f"{number}.png", f"{number}.png", make_job(), tmp_path, None))
    return found


def test_pages_that_have_no_room_fail_nothing(
    disk: SmallDisk, make_pool: MakePool, requests: list[DocumentRequest], nothing_known: Any
) -> None:
    finished = []

    def recognise(pool: PagePool) -> None:
        for event in process_documents(requests, pool, nothing_known(requests), stop=threading.Event()):
            if isinstance(event, PageFinished):
                disk.fill(leaving_bytes=1_000_000)
            if isinstance(event, DocumentFinished):
                finished.append(event.status)

    with make_pool(disk.folder, workers=1) as pool, pytest.raises(NoRoomError, match="a prepared page needs 17 MB"):
        recognise(pool)
    assert finished
    assert set(finished) == {"succeeded"}
