"""Real pages through real processes: every kind of document, and the text it must give."""

import hashlib
import io
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from supervisor.errors import SupervisorError
from supervisor.ocr.engines.tesseract import probe_tesseract
from supervisor.ocr.events import DocumentFinished, DocumentOpened, DocumentRequest, PageFinished
from supervisor.ocr.hocr import read_page
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.known import KnownPages, keys_of
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.processing import process_documents
from supervisor.ocr.results import PageResult
from supervisor.ocr.slots.budget import SlotBudget

Draw = Callable[..., Image.Image]
Finish = Callable[..., dict[str, DocumentFinished]]
MakeJob = Callable[..., Job]
SENTENCE = "The archive keeps every letter"


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def save_documents(folder: Path, draw: Draw) -> None:
    page = draw()
    rgb = page.convert("RGB")
    page.save(folder / "page.png")
    rgb.save(folder / "page.jpg", quality=90)
    page.convert("1").save(folder / "page.bmp")
    page.save(folder / "page.webp", lossless=True)
    page.convert("P").save(folder / "page.gif")
    page.save(folder / "frames.tif", save_all=True, append_images=[draw("Second frame here"), draw("Third frame here")])
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=exif)
    transparent = Image.new("RGBA", page.size, (0, 0, 0, 0))
    transparent.paste((0, 0, 0, 255), mask=page.point(lambda value: 255 - value))
    transparent.save(folder / "transparent.png")
    page.convert("I").point(lambda value: value * 257).convert("I;16").save(folder / "deep.png")
    rgb.convert("CMYK").save(folder / "cmyk.jpg")
    page.save(folder / "mislabelled.pdf", "PNG")

    with pymupdf.open() as pdf:
        scan = pdf.new_page(width=432, height=77)
        scan.insert_image(scan.rect, stream=png(page))
        scan.insert_text((400, 70), "17", fontsize=6)
        pdf.new_page().insert_text((72, 72), "Born digital text")
        turned = pdf.new_page(width=77, height=432)
        turned.insert_image(turned.rect, stream=png(page), rotate=90)
        turned.set_rotation(90)
        pdf.save(folder / "mixed.pdf")


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, draw: Draw, make_job: MakeJob, finish: Finish
) -> Iterator[dict[str, DocumentFinished]]:
    root = tmp_path_factory.mktemp("documents")
    save_documents(root, draw)
    (root / ".slots").mkdir()
    with PagePool(
        2,
        tesseract=probe_tesseract(),
        slots=SlotBudget(root / ".slots", slots=2, memory_bytes=10**10),
        cache_directory=None,
        scratch=root / ".scratch",
        spill=root / ".spill",
    ) as pool:
        yield finish(
            [DocumentRequest(file, file.name, make_job(), root) for file in sorted(root.iterdir()) if file.is_file()],
            pool,
        )


@pytest.mark.parametrize(
    "name",
    [
        "page.png",
        "page.jpg",
        "page.bmp",
        "page.webp",
        "page.gif",
        "turned.jpg",
        "transparent.png",
        "deep.png",
        "cmyk.jpg",
        "mislabelled.pdf",
    ],
)
def test_images(results: dict[str, DocumentFinished], name: str) -> None:
    finished = results[name]
    assert (finished.status, finished.error, finished.page_count) == ("succeeded", None, 1)
    page = finished.pages[0]
    assert page.text.strip() == SENTENCE
    assert (page.source, page.word_count) == ("ocr", 5)
    assert page.mean_confidence is not None
    assert page.mean_confidence > 80
    assert page.duration_ms > 0


def test_every_frame_is_a_page(results: dict[str, DocumentFinished]) -> None:
    pages = results["frames.tif"].pages
    assert [page.page_number for page in pages] == [1, 2, 3]
    assert [page.text.strip() for page in pages] == [SENTENCE, "Second frame here", "Third frame here"]


def test_a_pdf_of_scans_and_text(results: dict[str, DocumentFinished]) -> None:
    scan, digital, turned = results["mixed.pdf"].pages
    assert scan.source == "ocr"
    assert SENTENCE in scan.text
    assert (digital.source, digital.text, digital.mean_confidence) == ("text_layer", "Born digital text\n", None)
    assert turned.source == "ocr"
    assert turned.text.strip() == SENTENCE


def test_text_and_master_are_of_one_recognition(results: dict[str, DocumentFinished]) -> None:
    for finished in results.values():
        for page in finished.pages:
            words = [word.text for word in read_page(page.master).words()]
            assert words == page.text.split()


@pytest.mark.parametrize("name", ["a006", "j007", "i014"])
def test_same_text_as_plain_tesseract(
    corpus: Path, pool: PagePool, finish: Finish, make_job: MakeJob, name: str
) -> None:
    file = corpus / f"old-books/{name}.tiff"
    plain = subprocess.run(
        ["tesseract", str(file), "-", "--dpi", "300"],
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    ).stdout.decode()
    finished = finish([DocumentRequest(file, name, make_job(scale="off"), file.parent)], pool)
    assert finished[name].pages[0].text.rstrip("\n\f") == plain.rstrip("\n\f")


def test_real_pdfs(corpus: Path, pool: PagePool, finish: Finish, make_job: MakeJob) -> None:
    files = [
        corpus / "dinglehopper/lorem-ipsum-scan.pdf",  # a scan on its side, turned by /Rotate
        corpus / "paperless-ngx/multi-page-mixed.pdf",
        corpus / "py-pdf-sample-files/pdflatex-4-pages.pdf",
    ]
    finished = finish([DocumentRequest(file, file.name, make_job(), corpus) for file in files], pool)
    assert "Lorem ipsum dolor sit amet" in finished["lorem-ipsum-scan.pdf"].pages[0].text
    mixed = finished["multi-page-mixed.pdf"].pages
    assert [page.source for page in mixed] == ["ocr"] * 3 + ["text_layer"] * 3
    assert [page.text.split()[-1] for page in mixed] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert {page.source for page in finished["pdflatex-4-pages.pdf"].pages} == {"text_layer"}


def test_force_recognises_what_has_text(tmp_path: Path, pool: PagePool, finish: Finish, make_job: MakeJob) -> None:
    with pymupdf.open() as pdf:
        pdf.new_page(width=300, height=100).insert_text((20, 50), "Read me again", fontsize=20)
        pdf.save(tmp_path / "a.pdf")
    finished = finish([DocumentRequest(tmp_path / "a.pdf", "a", make_job(text_layer="force"), tmp_path)], pool)
    page = finished["a"].pages[0]
    assert (page.source, page.text.strip()) == ("ocr", "Read me again")


def test_selection_reuse_and_events(tmp_path: Path, pool: PagePool, draw: Draw, make_job: MakeJob) -> None:
    file = tmp_path / "a.tif"
    draw("First").save(file, save_all=True, append_images=[draw("Second"), draw("Third")])
    done = {2: PageResult(2, "succeeded", "ocr", "from before\n")}
    job = make_job(pages="1-2")
    request = DocumentRequest(file, "a", job, tmp_path, None, done)
    known = KnownPages({job.name: keys_of(job, tmp_path, probe_tesseract())})
    events = list(process_documents([request], pool, known, stop=threading.Event()))
    assert DocumentOpened(request, 3) in events
    pages = {event.page.page_number: event for event in events if isinstance(event, PageFinished)}
    assert {number: event.reused for number, event in pages.items()} == {1: False, 2: True, 3: False}
    finished = events[-1]
    assert isinstance(finished, DocumentFinished)
    assert [page.status for page in finished.pages] == ["succeeded", "succeeded", "skipped"]
    assert finished.pages[1].text == "from before\n"
    assert finished.pages[2].error == 'not among the job\'s pages "1-2"'
    assert finished.status == "succeeded"


def test_pages_beyond_the_end(tmp_path: Path, pool: PagePool, draw: Draw, finish: Finish, make_job: MakeJob) -> None:
    draw().save(tmp_path / "a.png")
    finished = finish([DocumentRequest(tmp_path / "a.png", "a", make_job(pages="2-3"), tmp_path)], pool)["a"]
    assert finished.error == 'the job asks for pages "2-3", but the document has 1 page'


def test_a_failed_page_keeps_the_others(
    tmp_path: Path, pool: PagePool, draw: Draw, finish: Finish, make_job: MakeJob
) -> None:
    file = tmp_path / "a.tif"
    draw("First").save(file, save_all=True, append_images=[draw("Huge", (2000, 2000)), draw("Third")])
    finished = finish([DocumentRequest(file, "a", make_job(max_image_megapixels=1), tmp_path)], pool)["a"]
    assert finished.status == "failed"
    assert [page.status for page in finished.pages] == ["succeeded", "failed", "succeeded"]
    assert finished.error is not None
    assert finished.error.startswith("page 2: is 2,000 by 2,000 pixels (4 megapixels)")
    assert finished.error.endswith("(1 of 3 pages failed)")
    assert finished.pages[2].text.strip() == "Third"


def test_lfs(tmp_path: Path, pool: PagePool, draw: Draw, finish: Finish, make_job: MakeJob) -> None:
    content = png(draw())
    oid = hashlib.sha256(content).hexdigest()
    store = tmp_path / "lfs"
    (store / oid[:2] / oid[2:4]).mkdir(parents=True)
    (store / oid[:2] / oid[2:4] / oid).write_bytes(content)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
    (tmp_path / "there.png").write_text(pointer.format(oid, len(content)))
    (tmp_path / "gone.png").write_text(pointer.format("0" * 64, 10))
    requests = [
        DocumentRequest(tmp_path / name, name, make_job(), tmp_path, store) for name in ("there.png", "gone.png")
    ]
    finished = finish(requests, pool)
    assert finished["there.png"].pages[0].text.strip() == SENTENCE
    assert finished["gone.png"].error == (
        'is in Git LFS and was not fetched; fetch it with: git lfs fetch --include="gone.png"'
    )


def test_settings_reach_tesseract(
    tmp_path: Path, pool: PagePool, draw: Draw, finish: Finish, make_job: MakeJob
) -> None:
    draw("Invoice 4711").save(tmp_path / "a.png")
    (tmp_path / "my words").write_text("invoice\n")
    job = make_job(variables={"tessedit_char_whitelist": "0123456789"}, page_segmentation=7, user_words="my words")
    finished = finish([DocumentRequest(tmp_path / "a.png", "good", job, tmp_path)], pool)
    assert finished["good"].pages[0].text.split()[-1] == "4711"
    assert not any(character.isalpha() for character in finished["good"].pages[0].text)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"user_words": "none"}, 'the job\'s path "none" is not in the repository'),
        ({"tessdata_dir": "none"}, 'the job\'s path "none" is not in the repository'),
        ({"languages": ["xyz"]}, 'the language "xyz"'),
    ],
)
def test_what_cannot_be_read_of_a_job_is_told_before_its_documents_are_begun(
    tmp_path: Path, nothing_known: Callable[..., KnownPages], make_job: MakeJob, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SupervisorError, match=re.escape(reason)):
        nothing_known([DocumentRequest(tmp_path / "a.png", "a", make_job(**settings), tmp_path)])
