import io
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from supervisor.ocr.documents.pdf import affordable_dpi, count_pdf_pages, native_dpi, render_page, silence_mupdf
from supervisor.ocr.errors import DocumentError


def page_of(width: float = 400, height: float = 600) -> Any:
    return pymupdf.open().new_page(width=width, height=height)


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def scan(page: Any, pixels: tuple[int, int] = (800, 1200)) -> None:
    page.insert_image(page.rect, stream=png(Image.new("L", pixels, 200)), keep_proportion=False)


def test_a_scan_is_rendered_at_its_own_resolution() -> None:
    page = page_of(360, 720)
    scan(page, (1000, 2000))
    assert native_dpi(page, 300) == 200


@pytest.mark.parametrize(("pixels", "dpi"), [((100, 200), 150), ((8000, 16_000), 600)])
def test_within_bounds(pixels: tuple[int, int], dpi: int) -> None:
    page = page_of(360, 720)
    scan(page, pixels)
    assert native_dpi(page, 300) == dpi


def test_a_small_picture_does_not_set_the_resolution() -> None:
    page = page_of()
    page.insert_image(pymupdf.Rect(0, 0, 100, 100), stream=png(Image.new("L", (30, 30))))
    assert native_dpi(page, 300) == 300
    assert native_dpi(page_of(), 240) == 240


def test_resolution_is_lowered_to_the_limit() -> None:
    page = page_of(7200, 7200)
    assert affordable_dpi(page, 300, 100) == 100
    assert affordable_dpi(page, 300, 250) == 158
    with pytest.raises(DocumentError, match="100 by 100 inches; even at 72 dpi"):
        affordable_dpi(page, 300, 50)
    assert affordable_dpi(page_of(14_400, 72), 300, 250) == 163  # 32,767 pixels


def test_rendering_follows_rotation_and_crop_box() -> None:
    page = page_of(400, 600)
    page.set_cropbox(pymupdf.Rect(0, 0, 400, 300))
    page.set_rotation(90)
    pixmap = render_page(page, 72)
    assert (pixmap.width, pixmap.height, pixmap.n) == (300, 400, 1)


def test_opening_leaves_nothing_on_standard_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    silence_mupdf()
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.4\nnothing\n")
    with pytest.raises(DocumentError):
        count_pdf_pages(file)
    assert capfd.readouterr() == ("", "")
