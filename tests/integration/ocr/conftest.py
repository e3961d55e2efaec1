import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from supervisor.ocr.engines.tesseract import Tesseract, probe_tesseract
from supervisor.ocr.events import DocumentFinished, DocumentRequest
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.known import KnownPages, keys_of
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.processing import process_documents
from supervisor.ocr.slots.budget import SlotBudget

CORPUS = Path(__file__).parents[3] / "../shared/corpus"
SENTENCE = "The archive keeps every letter"


@pytest.fixture(scope="session")
def corpus() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real scans does not lie beside the repository")
    return CORPUS


def _draw(text: str = SENTENCE, size: tuple[int, int] = (900, 160)) -> Image.Image:
    image = Image.new("L", size, 255)
    font = ImageFont.load_default(size=44)
    for line, top in enumerate(range(40, size[1] - 50, 70)):
        ImageDraw.Draw(image).text((40, top), f"{text} {line}" if size[1] > 160 else text, font=font, fill=0)
    return image


@pytest.fixture(scope="session")
def draw() -> Callable[..., Image.Image]:
    """Draw lines of a text, black on white, as many as the picture has room for."""
    return _draw


@pytest.fixture(scope="session")
def long_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page that keeps tesseract busy for most of a second."""
    file = tmp_path_factory.mktemp("long") / "long.png"
    _draw(SENTENCE + " and loses none of them on the way", (2400, 2000)).save(file)
    return file


@pytest.fixture(scope="session")
def tesseract() -> Tesseract:
    return probe_tesseract()


@pytest.fixture(scope="session")
def make_pool(tesseract: Tesseract) -> Callable[..., PagePool]:
    """Make a pool whose files are all in one folder, and whose slots nobody else takes: who uses it closes it."""

    def make(folder: Path, workers: int = 2, **others: Any) -> PagePool:
        slots = folder / "slots"
        slots.mkdir(exist_ok=True)
        settings = {
            "tesseract": tesseract,
            "slots": SlotBudget(slots, slots=workers, memory_bytes=1 << 40),
            "cache_directory": None,
            "scratch": folder / "scratch",
            "spill": folder / "spill",
        }
        return PagePool(workers, **{**settings, **others})

    return make


@pytest.fixture
def pool(tmp_path: Path, make_pool: Callable[..., PagePool]) -> Iterator[PagePool]:
    with make_pool(tmp_path) as page_pool:
        yield page_pool


@pytest.fixture(scope="session")
def nothing_known(tesseract: Tesseract) -> Callable[[Iterable[DocumentRequest]], KnownPages]:
    """Know nothing of the pages of some documents."""

    def know(requests: Iterable[DocumentRequest]) -> KnownPages:
        return KnownPages({one.job.name: keys_of(one.job, one.root, tesseract) for one in requests})

    return know


@pytest.fixture(scope="session")
def make_job() -> Callable[..., Job]:
    def make(**settings: object) -> Job:
        return Job.model_validate({"name": "books", "documents": ["*"], "page_timeout_seconds": 60, **settings})

    return make


@pytest.fixture(scope="session")
def finish(nothing_known: Callable[..., KnownPages]) -> Callable[..., dict[str, DocumentFinished]]:
    """Recognise documents to the end, and return how each of them finished, by name."""

    def run(
        requests: Sequence[DocumentRequest], page_pool: PagePool, known: KnownPages | None = None
    ) -> dict[str, DocumentFinished]:
        events = process_documents(requests, page_pool, known or nothing_known(requests), stop=threading.Event())
        return {event.request.name: event for event in events if isinstance(event, DocumentFinished)}

    return run


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(condition: Callable[[], object], seconds: float = 30) -> None:
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "the condition did not come true"
            time.sleep(0.01)

    return wait


@pytest.fixture(scope="session")
def recognisers() -> Callable[[Path], list[psutil.Process]]:
    """Find living tesseract processes that hold a slot in a folder."""

    def find(folder: Path) -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter(["name", "status"])
            if process.info["name"] == "tesseract"
            and process.info["status"] != psutil.STATUS_ZOMBIE
            and any(target.is_relative_to(folder / "slots") for target in _open_files(process.pid))
        ]

    return find


def _open_files(pid: int) -> list[Path]:
    # Those that end while we look have none any more.
    with contextlib.suppress(OSError):
        return [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
    return []
