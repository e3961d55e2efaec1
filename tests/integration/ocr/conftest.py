import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from supervisor.ocr.job import Job
from supervisor.ocr.pool import PagePool
from supervisor.ocr.processing import DocumentFinished, DocumentRequest, process_documents

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


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[PagePool]:
    with PagePool(2, scratch=tmp_path / "scratch", spill=tmp_path / "spill") as page_pool:
        yield page_pool


@pytest.fixture(scope="session")
def make_job() -> Callable[..., Job]:
    def make(**settings: object) -> Job:
        return Job.model_validate({"name": "books", "documents": ["*"], "page_timeout_seconds": 60, **settings})

    return make


@pytest.fixture(scope="session")
def finish() -> Callable[..., dict[str, DocumentFinished]]:
    """Recognise documents to the end, and return how each of them finished, by name."""

    def run(requests: Iterable[DocumentRequest], page_pool: PagePool) -> dict[str, DocumentFinished]:
        events = process_documents(requests, page_pool, stop=threading.Event())
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
    """Find living tesseract processes that work in a folder."""

    def find(folder: Path) -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter(["name", "cmdline", "status"])
            if process.info["name"] == "tesseract"
            and process.info["status"] != psutil.STATUS_ZOMBIE
            and any(str(folder) in argument for argument in process.info["cmdline"] or ())
        ]

    return find
