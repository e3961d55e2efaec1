"""Searchable PDFs of real and made documents, looked at with poppler."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from supervisor.ocr.documents.document import Document
from supervisor.ocr.documents.file_kinds import FileKind
from supervisor.ocr.documents.images import opened_frame
from supervisor.ocr.documents.opening import open_document
from supervisor.ocr.documents.pdf import native_dpi, opened_pdf, render_page
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.hocr import read_page
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph, Word
from supervisor.ocr.searchable.searchable_pdf import make_searchable

pytestmark = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")


def output_of(*command: object) -> str:
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def opened(file: Path) -> Document:
    return open_document(file, root=file.parent, lfs_objects_dir=None, max_image_megapixels=250)


@dataclass(frozen=True)
class Scene:
    """Where a searchable PDF is made, and for which job; the target's folder holds nothing else."""

    folder: Path
    target: Path
    job: Job


@pytest.fixture
def scene(make_job: Callable[..., Job], tmp_path: Path) -> Scene:
    (tmp_path / "output").mkdir()
    return Scene(tmp_path, tmp_path / "output" / "searchable.pdf", make_job())


def one_word(text: str = "zebrafinch") -> PageLayout:
    box = Box(100, 200, 300, 240)
    line = Line(box, (Word(text, box, 90),), baseline=(0, -8), x_size=40)
    return PageLayout(800, 1200, 144, (Block(box, (Paragraph(box, (line,)),)),))


def pictures_of(document: Document) -> Iterator[tuple[Image.Image, int]]:
    for page_number in range(1, document.page_count + 1):
        if document.signature.kind is FileKind.PDF:
            with opened_pdf(document.file) as pdf:
                page = pdf[page_number - 1]
                dpi = native_dpi(page, 300)
                pixmap = render_page(page, dpi)
                yield Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples), dpi
        else:
            with opened_frame(document.file, document.signature, page_number, max_megapixels=250, dpi=300) as (
                _,
                decoded,
            ):
                yield decoded().image, decoded().dpi


def recognised(document: Document, folder: Path) -> list[PageLayout]:
    layouts = []
    for picture, dpi in pictures_of(document):
        picture.save(folder / "page.pgm")
        layouts.append(
            read_page(
                output_of("tesseract", folder / "page.pgm", "-", "--dpi", dpi, "-c", "tessedit_create_hocr=1"), dpi
            )
        )
    return layouts


def lines_of(layout: PageLayout) -> list[str]:
    return [" ".join(word.text for word in line.words) for line in layout.lines()]


def images_of(file: Path, folder: Path) -> list[bytes]:
    folder.mkdir()
    output_of("pdfimages", "-all", file, folder / "x")
    return [image.read_bytes() for image in sorted(folder.iterdir())]


def pixels_of(file: Path, folder: Path) -> list[bytes]:
    folder.mkdir()
    output_of("pdftoppm", "-r", 40, file, folder / "x")
    return [page.read_bytes() for page in sorted(folder.iterdir())]


@pytest.mark.parametrize(
    "name", ["old-books/f041.tiff", "tesseract-test/phototest.tif", "dinglehopper/lorem-ipsum-scan.pdf"]
)
def test_lines_of_real_pages_are_found(corpus: Path, scene: Scene, name: str) -> None:
    document = opened(corpus / name)
    layouts = recognised(document, scene.folder)
    make_searchable(document, layouts, scene.job, scene.target)
    text = output_of("pdftotext", "-raw", scene.target, "-").replace("\f", "")
    assert [line for line in text.splitlines() if line] == [line for page in layouts for line in lines_of(page)]
    first = scene.target.read_bytes()
    make_searchable(document, layouts, scene.job, scene.target)
    assert scene.target.read_bytes() == first


@pytest.mark.parametrize(
    "name",
    ["dinglehopper/lorem-ipsum-scan.pdf", "paperless-ngx/rotated.pdf", "ocrmypdf/link.pdf", "ocrmypdf/meta.pdf"],
)
def test_original_pdfs_stay_what_they_are(corpus: Path, scene: Scene, name: str) -> None:
    document = opened(corpus / name)
    make_searchable(document, [one_word()] * document.page_count, scene.job, scene.target)
    assert scene.target.read_bytes().startswith(document.file.read_bytes())
    assert output_of("pdftotext", scene.target, "-").count("zebrafinch") == document.page_count
    assert pixels_of(scene.target, scene.folder / "after") == pixels_of(document.file, scene.folder / "before")
    assert images_of(scene.target, scene.folder / "images after") == images_of(
        document.file, scene.folder / "images before"
    )
    with pymupdf.open(scene.target) as pdf, pymupdf.open(document.file) as original:
        assert pdf.metadata == original.metadata
        assert [page.get_links() for page in pdf] == [page.get_links() for page in original]


def test_pages_without_recognised_text_stay_as_they_are(corpus: Path, scene: Scene) -> None:
    document = opened(corpus / "paperless-ngx/rotated.pdf")
    make_searchable(document, [None, one_word(), None, None], scene.job, scene.target)
    pages = output_of("pdftotext", scene.target, "-").split("\f")
    assert ["zebrafinch" in page for page in pages[:4]] == [False, True, False, False]
    make_searchable(document, [None] * 4, scene.job, scene.target)
    assert scene.target.read_bytes() == document.file.read_bytes()


def test_signed_files_are_refused(corpus: Path, scene: Scene) -> None:
    document = opened(corpus / "paperless-ngx/signed.pdf")
    with pytest.raises(DocumentError, match="is signed; "):
        make_searchable(document, [one_word()], scene.job, scene.target)
    assert not list(scene.target.parent.iterdir())
    make_searchable(document, [None], scene.job, scene.target)
    assert scene.target.read_bytes() == document.file.read_bytes()


def test_files_that_cannot_be_added_to_are_written_anew(scene: Scene) -> None:
    page = pymupdf.open().new_page(width=400, height=600)
    page.insert_text((50, 500), "visible")
    locked, broken = scene.folder / "locked.pdf", scene.folder / "broken.pdf"
    page.parent.save(locked, encryption=4, owner_pw="secret")
    broken.write_bytes(page.parent.tobytes().replace(b"startxref\n", b"startxref\n9"))
    for file in (locked, broken):
        results = []
        for _ in range(2):
            make_searchable(opened(file), [one_word()], scene.job, scene.target)
            results.append(scene.target.read_bytes())
        assert results[0] == results[1]
        assert output_of("pdftotext", scene.target, "-").split() == ["zebrafinch", "visible"]


def scan_with_text(file: Path, *, render_mode: int) -> Document:
    page = pymupdf.open().new_page(width=400, height=600)
    page.insert_image(page.rect, pixmap=pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 80, 120)), keep_proportion=False)
    page.insert_text((50, 118), "zebrafinch earlier", fontsize=18, render_mode=render_mode)
    page.insert_link({"kind": pymupdf.LINK_URI, "from": page.rect, "uri": "https://example.org/"})
    page.parent.save(file)
    return opened(file)


def test_invisible_text_gives_way_to_new(scene: Scene) -> None:
    document = scan_with_text(scene.folder / "scan.pdf", render_mode=3)
    make_searchable(document, [one_word()], scene.job, scene.target)
    assert output_of("pdftotext", scene.target, "-").split() == ["zebrafinch"]
    assert pixels_of(scene.target, scene.folder / "after") == pixels_of(document.file, scene.folder / "before")
    with pymupdf.open(scene.target) as pdf:
        assert [link["uri"] for link in pdf[0].get_links()] == ["https://example.org/"]


def test_new_text_gives_way_to_visible_text(scene: Scene) -> None:
    document = scan_with_text(scene.folder / "written.pdf", render_mode=0)
    below = Box(100, 600, 300, 640)
    again = one_word()
    line = Line(below, (Word("below", below, 90),), x_size=40)
    both = PageLayout(800, 1200, 144, (*again.blocks, Block(below, (Paragraph(below, (line,)),))))
    make_searchable(document, [both], scene.job, scene.target)
    assert output_of("pdftotext", scene.target, "-").split() == ["zebrafinch", "earlier", "below"]


def test_new_text_does_not_give_way_to_mojibake(scene: Scene) -> None:
    page = pymupdf.open().new_page(width=400, height=600)
    page.insert_text((50, 118), "-- // .. ## == ++", fontsize=18)
    page.parent.save(scene.folder / "moved.pdf")
    make_searchable(opened(scene.folder / "moved.pdf"), [one_word()], scene.job, scene.target)
    assert "zebrafinch" in output_of("pdftotext", scene.target, "-")


def drawing() -> Image.Image:
    image = Image.linear_gradient("L").resize((300, 200))
    image.paste(255, (0, 0, 90, 60))
    return image


def test_jpeg_is_embedded_as_it_is(scene: Scene) -> None:
    file = scene.folder / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    drawing().save(file, dpi=(150, 150), exif=exif)
    make_searchable(opened(file), [one_word()], scene.job, scene.target)
    assert images_of(scene.target, scene.folder / "images") == [file.read_bytes()]
    with pymupdf.open(scene.target) as pdf:
        assert (pdf[0].rect.width, pdf[0].rect.height) == pytest.approx((200 * 72 / 150, 300 * 72 / 150), abs=0.1)
        # The white corner, top left in the file, is displayed top right.
        assert pdf[0].get_pixmap().pixel(90, 5) == (255, 255, 255)
    assert "zebrafinch" in output_of("pdftotext", scene.target, "-")


@pytest.mark.parametrize(
    ("form", "mode", "options", "encoding"),
    [
        pytest.param("TIFF", "1", {"compression": "group4"}, "ccitt", id="fax"),
        pytest.param("TIFF", "1", {"compression": "raw"}, "ccitt", id="raw"),
        pytest.param("TIFF", "RGB", {"compression": "tiff_lzw"}, "image", id="colour"),
        pytest.param("TIFF", "CMYK", {"compression": "raw", "tiffinfo": {274: 6}}, "image", id="turned CMYK"),
        pytest.param("TIFF", "L", {"compression": "raw", "tiffinfo": {274: 5}}, "image", id="mirrored"),
        pytest.param("GIF", "P", {}, "image", id="gif"),
    ],
)
def test_frames_become_pages_without_loss(scene: Scene, form: str, mode: str, options: Any, encoding: str) -> None:
    frames = [drawing().convert(mode), drawing().transpose(Image.Transpose.ROTATE_180).convert(mode)]
    file = scene.folder / "frames"
    frames[0].save(file, form, save_all=True, append_images=frames[1:], dpi=(72, 72), **options)
    document = opened(file)
    make_searchable(document, [None, one_word()], scene.job.model_copy(update={"dpi": 72}), scene.target)
    rows = output_of("pdfimages", "-list", scene.target).splitlines()[2:]
    assert [row.split()[8] for row in rows] == [encoding] * 2
    with pymupdf.open(scene.target) as pdf:
        for page, (picture, _) in zip(pdf, pictures_of(document), strict=True):
            pixmap = page.get_pixmap(colorspace=pymupdf.csGRAY)
            assert (pixmap.width, pixmap.height) == picture.size
            if mode != "CMYK":  # grey is mixed from it in more than one way
                assert pixmap.samples == picture.tobytes()
    pages = output_of("pdftotext", scene.target, "-").split("\f")
    assert ["zebrafinch" in page for page in pages[:2]] == [False, True]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pictures_lie_on_white(scene: Scene, mode: str) -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 50, 50))
    image.convert(mode).save(scene.folder / "a.png", dpi=(72, 72))
    make_searchable(opened(scene.folder / "a.png"), [None], scene.job, scene.target)
    with pymupdf.open(scene.target) as pdf:
        pixmap = pdf[0].get_pixmap()
        assert [pixmap.pixel(20, 20), pixmap.pixel(80, 80)] == [(0, 0, 0), (255, 255, 255)]


def test_a_transparent_colour_of_two_is_white(scene: Scene) -> None:
    image = Image.new("P", (100, 100), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(0, (0, 0, 50, 50))
    image.save(scene.folder / "a.png", bits=1, transparency=1, dpi=(72, 72))
    make_searchable(opened(scene.folder / "a.png"), [None], scene.job, scene.target)
    with pymupdf.open(scene.target) as pdf:
        pixmap = pdf[0].get_pixmap()
        assert [pixmap.pixel(20, 20), pixmap.pixel(80, 80)] == [(0, 0, 0), (255, 255, 255)]


def test_a_fax_keeps_its_proportions(scene: Scene) -> None:
    Image.new("1", (2040, 980), 1).save(scene.folder / "fax.tif", dpi=(204, 98), compression="group4")
    make_searchable(opened(scene.folder / "fax.tif"), [None], scene.job, scene.target)
    with pymupdf.open(scene.target) as pdf:
        assert (pdf[0].rect.width, pdf[0].rect.height) == pytest.approx((720, 720), abs=0.1)


def test_a_broken_frame_leaves_an_empty_page(scene: Scene) -> None:
    file = scene.folder / "a.tif"
    colour = drawing().convert("RGB")
    colour.save(file, save_all=True, append_images=[colour], compression="tiff_lzw", dpi=(72, 72))
    with Image.open(file) as image:
        offset = image.tag_v2[273][0]
    content = bytearray(file.read_bytes())
    content[offset : offset + 400] = b"\xff" * 400
    file.write_bytes(content)
    make_searchable(opened(file), [None, one_word()], scene.job, scene.target)
    with pymupdf.open(scene.target) as pdf:
        assert [page.rect.width for page in pdf] == pytest.approx([300, 300], abs=0.1)
        assert pdf[0].get_pixmap().is_unicolor
        assert not pdf[1].get_pixmap().is_unicolor
