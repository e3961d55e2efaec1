"""Pages that are known from before: what is not opened, not decoded and not recognised again, and why the rest is."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.engines.tesseract import Tesseract
from supervisor.ocr.events import DocumentFinished, DocumentRequest, PageFinished
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.known import KnownPages, keys_of
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.processing import process_documents
from supervisor.ocr.results import PageResult
from support.blobs import blob_id

Draw = Callable[..., Image.Image]
MakeJob = Callable[..., Job]


@dataclass(frozen=True)
class Archive:
    """Documents, and how they are recognised night after night."""

    folder: Path
    pool: PagePool
    tesseract: Tesseract

    @property
    def cache(self) -> PageCache:
        """The cache, as another process would open it."""
        return PageCache(self.folder / "cache")

    def request(self, name: str, job: Job) -> DocumentRequest:
        path = self.folder / name
        return DocumentRequest(path, name, job, self.folder, blob_sha=blob_id(path.read_bytes()))

    def recognise(
        self, *requests: DocumentRequest, use_cache: bool = True, pool: PagePool | None = None
    ) -> dict[str, DocumentFinished]:
        keys = {request.job.name: keys_of(request.job, self.folder, self.tesseract) for request in requests}
        known = KnownPages(keys, self.cache if use_cache else None)
        finished, told = {}, Counter[str]()
        for event in process_documents(requests, pool or self.pool, known, stop=threading.Event()):
            if isinstance(event, PageFinished):
                told[event.request.name] += 1
            if isinstance(event, DocumentFinished):
                assert event.request.name not in finished
                finished[event.request.name] = event
        assert told == {name: len(one.pages) for name, one in finished.items() if one.pages}
        return finished


@pytest.fixture
def archive(tmp_path: Path, pool: PagePool, tesseract: Tesseract) -> Archive:
    return Archive(tmp_path, pool, tesseract)


def sources(finished: dict[str, DocumentFinished]) -> dict[str, list[str | None]]:
    return {name: [page.source for page in one.pages] for name, one in sorted(finished.items())}


def test_a_known_document_is_neither_opened_nor_decoded(archive: Archive, draw: Draw, make_job: MakeJob) -> None:
    draw().save(archive.folder / "a.png")
    frames = [draw("Second"), Image.new("L", (400, 300), 255)]
    draw("First").save(archive.folder / "b.tif", save_all=True, append_images=frames)
    with pymupdf.open() as pdf:
        pdf.new_page().insert_text((72, 72), "Born digital text")
        pdf.save(archive.folder / "c.pdf")
    requests = [archive.request(name, make_job()) for name in ("a.png", "b.tif", "c.pdf")]
    first = archive.recognise(*requests)
    assert sources(first) == {"a.png": ["ocr"], "b.tif": ["ocr", "ocr", "blank"], "c.pdf": ["text_layer"]}
    for request in requests:
        request.path.unlink()
    second = archive.recognise(*requests)
    assert sources(second) == {"a.png": ["cache"], "b.tif": ["cache", "cache", "blank"], "c.pdf": ["text_layer"]}
    for name, one in second.items():
        assert (one.status, one.error) == ("succeeded", None)
        assert [content(page) for page in one.pages] == [content(page) for page in first[name].pages]
        assert all(page.because is None for page in one.pages)


def content(page: PageResult) -> tuple[object, ...]:
    """What stands on a page and how well it was read, wherever that is known from."""
    return page.text, page.master, page.mean_confidence, page.low_confidence, page.word_count, page.page_key


def test_of_a_document_only_those_pages_are_recognised_that_are_not_known(
    archive: Archive, draw: Draw, make_job: MakeJob
) -> None:
    draw("First").save(archive.folder / "a.tif", save_all=True, append_images=[draw("Second"), draw("Third")])
    archive.recognise(archive.request("a.tif", make_job(pages="2")))
    finished = archive.recognise(archive.request("a.tif", make_job()))
    assert sources(finished) == {"a.tif": ["ocr", "cache", "ocr"]}
    assert [page.text.strip() for page in finished["a.tif"].pages] == ["First", "Second", "Third"]


@pytest.mark.parametrize(("use_cache", "recognised"), [(True, 1), (False, 4)])
def test_of_documents_that_are_alike_one_is_recognised_unless_nothing_is_to_be_reused(
    archive: Archive, draw: Draw, make_job: MakeJob, *, use_cache: bool, recognised: int
) -> None:
    names = ["a.png", "b.png", "c.png", "d.png"]
    for name in names:
        draw().save(archive.folder / name)
    finished = archive.recognise(*(archive.request(name, make_job()) for name in names), use_cache=use_cache)
    assert sorted(finished) == names
    counted = Counter(page.source for one in finished.values() for page in one.pages)
    assert counted["ocr"] == recognised
    assert counted["cache"] == 4 - recognised
    assert len({one.pages[0].text for one in finished.values()}) == 1
    assert use_cache or not (archive.folder / "cache").exists()


def test_documents_that_are_alike_are_not_alike_for_jobs_that_read_them_otherwise(
    archive: Archive, draw: Draw, make_job: MakeJob
) -> None:
    draw().save(archive.folder / "a.png")
    jobs = [
        make_job(name="lines"),
        make_job(name="one line", page_segmentation=7),
        make_job(name="plain", formats=["txt"]),
    ]
    finished = {}
    for job in jobs:
        finished[job.name] = archive.recognise(archive.request("a.png", job))["a.png"]
    assert sources(finished) == {"lines": ["ocr"], "one line": ["ocr"], "plain": ["cache"]}


def test_each_of_the_documents_that_are_alike_and_cannot_be_read_fails(
    archive: Archive, draw: Draw, make_job: MakeJob
) -> None:
    draw().save(archive.folder / "whole.png")
    broken = (archive.folder / "whole.png").read_bytes()[:600]
    for name in ("a.png", "b.png", "c.png"):
        (archive.folder / name).write_bytes(broken)
    (archive.folder / "d.png").write_bytes(b"")
    finished = archive.recognise(*(archive.request(name, make_job()) for name in ("a.png", "b.png", "c.png", "d.png")))
    assert {name: one.status for name, one in finished.items()} == dict.fromkeys(finished, "failed")
    assert len(finished) == 4


def test_a_page_that_failed_is_not_remembered(archive: Archive, draw: Draw, make_job: MakeJob) -> None:
    job = make_job(max_image_megapixels=1)
    draw("First").save(archive.folder / "a.tif", save_all=True, append_images=[draw("Huge", (2000, 2000))])
    request = archive.request("a.tif", job)
    for source in ("ocr", "cache"):
        [one] = archive.recognise(request).values()
        assert [(page.status, page.source) for page in one.pages] == [("succeeded", source), ("failed", None)]
    keys = keys_of(job, archive.folder, archive.tesseract)
    assert archive.cache.page_count(keys, request.blob_sha) == 2
    assert archive.cache.page(keys, request.blob_sha, 1) is not None
    assert archive.cache.page(keys, request.blob_sha, 2) is None


def test_what_git_does_not_know_by_its_content_is_opened_each_time(
    archive: Archive, draw: Draw, make_job: MakeJob
) -> None:
    draw().save(archive.folder / "a.png")
    request = DocumentRequest(archive.folder / "a.png", "a.png", make_job(), archive.folder, blob_sha=None)
    for _ in range(2):
        assert sources(archive.recognise(request)) == {"a.png": ["ocr"]}
    request.path.unlink()
    assert archive.recognise(request)["a.png"].error == "is not there"


@pytest.fixture
def remembering_pool(tmp_path: Path, make_pool: Callable[..., PagePool]) -> Iterator[PagePool]:
    (tmp_path / "pool").mkdir()
    with make_pool(tmp_path / "pool", cache_directory=tmp_path / "cache") as pool:
        yield pool


def test_a_picture_that_is_known_is_not_recognised_in_whatever_document_it_comes(
    archive: Archive, remembering_pool: PagePool, draw: Draw, make_job: MakeJob
) -> None:
    draw().save(archive.folder / "a.png", dpi=(300, 300))
    draw().save(archive.folder / "b.bmp", dpi=(300, 300))
    draw("Another").save(archive.folder / "c.bmp", dpi=(300, 300))
    for name, source in (("a.png", "ocr"), ("b.bmp", "cache"), ("c.bmp", "ocr")):
        finished = archive.recognise(archive.request(name, make_job()), pool=remembering_pool)
        assert sources(finished) == {name: [source]}


def test_a_searchable_pdf_is_made_of_known_pages(archive: Archive, draw: Draw, make_job: MakeJob) -> None:
    draw().save(archive.folder / "a.png", dpi=(300, 300))
    archive.recognise(archive.request("a.png", make_job()))
    finished = archive.recognise(archive.request("a.png", make_job(formats=["pdf"])))["a.png"]
    assert (finished.error, finished.pages[0].source) == (None, "cache")
    assert finished.pdf is not None
    with pymupdf.open(finished.pdf) as pdf:
        assert "archive keeps every" in pdf[0].get_text()
